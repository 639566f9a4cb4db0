"""Charts as SVG text: pure functions of figures to geometry. Colours and type are the stylesheet's, by class; every chart has a title and a table twin."""
