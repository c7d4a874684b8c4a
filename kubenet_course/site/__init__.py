"""The course as a folder of plain pages: every chapter in a browser, nothing installed.

Pages are made from the built notebooks, so that both say the same. `write` makes the whole site.
"""
