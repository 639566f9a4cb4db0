"""The pages' texts: the product's own, of `runway.language`."""

from runway.language.strings import (
    CATALOGUES,
    DOMAIN,
    Reader,
    _,
    keyed,
    ngettext,
    read_by,
    reader,
    reader_of,
    set_zone,
)

__all__ = ["CATALOGUES", "DOMAIN", "Reader", "_", "keyed", "ngettext", "read_by", "reader", "reader_of", "set_zone"]
