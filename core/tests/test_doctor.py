"""What `manage.py doctor` makes of a server's answers; `test_own_project` runs it in a project of its own."""

from core.budget import ConnectionBudget
from core.management.commands import doctor
from core.management.commands.doctor import Server


class TestServer:
    def test_one_that_django_does_not_support_is_refused(self) -> None:
        assert doctor.version(Server("13.9", 13, 100, 3)).verdict == "fail"
        assert doctor.version(Server("14.0", 14, 100, 3)).verdict == "ok"


class TestBudget:
    def test_a_pool_above_the_servers_limit_is_refused_with_the_cure(self) -> None:
        needed = ConnectionBudget(workers=1, pool_bound=120, max_connections=100, reserved=3)

        finding = doctor.Command().budget(needed)

        assert finding.verdict == "fail"
        assert finding.cure.startswith("24 too many: lower max_size")
