"""The grammar below pipelines: tokens under a cursor, names, operands, expressions, parameters, table literals."""
