"""One module for each operator or family of operators; `fpctl.compiler.operator_table` lists them."""
