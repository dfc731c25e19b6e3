"""``peekr doctor``: proves on the SDKs that are installed that each entry point gives one span with its usage.

:mod:`command` is the command; :mod:`children` runs what must not touch this process in processes of its own, whose
side is :mod:`child`; :mod:`stores` and :mod:`versions` look at the rest of the installation; :mod:`report` says it.
"""
