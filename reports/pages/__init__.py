"""
The pages of reports: to request one, to watch its progress, to download it.

`reports.admin` puts them into the admin. They decide nothing: `reports.access` says who may, and
`reports.services` does.
"""
