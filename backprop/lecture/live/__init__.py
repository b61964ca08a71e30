"""The live page: draw a digit, and watch delta come back. `scripts/live.py` serves it; README.md shows it.

passes.py     one picture's way through a network, and back
accounts.py   where one number of it comes from
editor.py     a network as one would type it; budget.py: how large it may be
studio.py     the network that learns, and answers
wire.py       what page and engine say to each other
server.py     who may ask, and how much
page.py       the page (page.html, page.css and the .js files), also frozen into one file
"""
