"""What the scale benchmark is made of: events, exclusions, the SQL an expert would write, and the clock."""
