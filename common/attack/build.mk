# What an owned process would try: for the selftest, never in a program at work.
ARCHIVES += attack
