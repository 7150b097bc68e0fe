"""Responses that someone else generated, as their files have them: attempts, marks, ends, and their
questions.
"""
