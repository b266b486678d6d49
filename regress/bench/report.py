def write(d,p): pass
