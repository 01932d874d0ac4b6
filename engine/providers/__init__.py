"""One module per remote service; all speak the interface of base.py (images) or their own small one."""
