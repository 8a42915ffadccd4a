"Settings of the documentation site (Sphinx); tools/site.py copies this file beside the pages and fills in the names."
import html, json
from pathlib import Path

ROOMS = json.loads((Path(__file__).parent/'rooms.json').read_text())   # caption in the sidebar -> a line on it

project = html_title = 'nextgenface_nb'
extensions = ['myst_nb', 'sphinx_copybutton', 'sphinx-mathjax-offline']
nb_execution_mode = 'off'                                # the notebooks hold their outputs
nb_render_markdown_format = 'myst'
nb_code_prompt_show = 'Code that does this'
nb_ipywidgets_js = {'require.js': {}, 'widgets-here.js': {}, 'embed-amd.js': {}}   # served by the site itself
nb_mime_priority_overrides = [('html', 'application/vnd.jupyter.widget-view+json', 0)]
html_static_path = ['_static']
html_css_files = ['pages.css']
html_extra_path = []
html_favicon = 'icon.svg'
myst_enable_extensions = ['dollarmath', 'amsmath', 'colon_fence', 'attrs_inline', 'attrs_block', 'deflist', 'html_image']
myst_heading_anchors = 4
html_theme = 'furo'
html_copy_source = False
html_show_sphinx = False
html_theme_options = {'navigation_with_keys': True}
suppress_warnings = ['myst.header']

# ---- the sidebar says what a room is for
def rooms_said(app, pagename, templatename, context, doctree):
    "A line below each caption"
    tree = context.get('furo_navigation_tree', '')
    for title,line in ROOMS.items():
        caption = f'<span class="caption-text">{html.escape(title)}</span></p>'
        tree = tree.replace(caption, f'{caption}<p class="room">{html.escape(line)}</p>')
    context['furo_navigation_tree'] = tree

def setup(app):
    app.connect('html-page-context', rooms_said, priority=900)          # after the theme has made it
