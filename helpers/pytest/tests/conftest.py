"""Makes the plugin known to its own tests, be it installed or not."""

pytest_plugins = ["pytester"]


def pytest_addoption(pluginmanager):
    # Where it is installed, its entry point has registered it under this name.
    if not pluginmanager.has_plugin("claviger"):
        from pytest_claviger import plugin

        pluginmanager.register(plugin, "claviger")
