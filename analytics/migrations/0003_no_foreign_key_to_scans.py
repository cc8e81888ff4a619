import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("analytics", "0002_evening_indexes")]

    operations = [
        migrations.AlterField(
            model_name="admission",
            name="scan",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                to="analytics.scan",
            ),
        ),
        migrations.AlterField(
            model_name="invalidattempt",
            name="scan",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="analytics.scan",
            ),
        ),
    ]
