# One codec per edge of the process graph. Pure.
ARCHIVES += msg
