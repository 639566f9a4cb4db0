from runway.demo.show import run_demo

__all__ = ["run_demo"]
