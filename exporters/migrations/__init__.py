"""The store's schema versions, run by `Store.open`; each stays as it was published, a change is a new one."""
