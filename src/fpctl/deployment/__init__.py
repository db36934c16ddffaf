"""Tuned rules out to Microsoft Sentinel and Defender XDR, and rules from there into files."""
