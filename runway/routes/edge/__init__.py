"""What every request passes before a route sees it, and every answer on its way out."""

from runway.routes.edge.rates import NamedLimit, charge
from runway.routes.edge.request import RequestEdge, bind_business
from runway.routes.edge.rules import EdgeRules

__all__ = ["EdgeRules", "NamedLimit", "RequestEdge", "bind_business", "charge"]
