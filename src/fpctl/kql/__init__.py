"""KQL: text to tokens and trees, values to literals, and what each operator does to the columns."""
