"""
The paper: A4 on its side, and the margin that stays empty. In points, as everything in this folder.
"""

from reportlab.lib.pagesizes import A4, landscape

WIDTH, HEIGHT = landscape(A4)
MARGIN = 36.0
