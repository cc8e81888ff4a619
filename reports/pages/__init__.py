"""
The pages of reports: asking for one, following it while it is made, taking it.

`reports.admin` puts them into the admin. They decide nothing: `reports.access` says who may, and
`reports.services` does.
"""
