"Settings of the documentation site (Sphinx); tools/site.py copies this file beside the pages and fills in the names."
project = html_title = 'nextgenface_nb'
extensions = ['myst_nb', 'sphinx_copybutton', 'sphinx-mathjax-offline']
nb_execution_mode = 'off'                                # the notebooks hold their outputs
nb_render_markdown_format = 'myst'
nb_code_prompt_show = 'Code that does this'
nb_ipywidgets_js = {'require.js': {}, 'widgets-here.js': {}, 'embed-amd.js': {}}   # served by the site itself
nb_mime_priority_overrides = [('html', 'application/vnd.jupyter.widget-view+json', 0)]
html_static_path = ['_static']
html_extra_path = []
html_favicon = 'icon.svg'
myst_enable_extensions = ['dollarmath', 'amsmath', 'colon_fence', 'attrs_inline', 'attrs_block', 'deflist']
myst_heading_anchors = 4
html_theme = 'furo'
html_copy_source = False
html_show_sphinx = False
html_theme_options = {'navigation_with_keys': True}
suppress_warnings = ['myst.header']
