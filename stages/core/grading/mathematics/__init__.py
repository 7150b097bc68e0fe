"""Mathematics of an answer: read from a statement (formulas), written in one way (latex), taken
apart (structure), compared part by part (equal) and term by term (terms).
"""
