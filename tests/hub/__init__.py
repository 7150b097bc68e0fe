"""Stand-ins for the hub: data sets of our own rows in the forms of those that
conf/profile/paper.yaml names.
"""
