"""The formats of other tools, a module or package each: what `import` reads and `export` writes."""
