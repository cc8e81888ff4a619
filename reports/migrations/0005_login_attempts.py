from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("reports", "0004_permissions_from_the_catalogue")]

    operations = [
        migrations.CreateModel(
            name="LoginAttempts",
            fields=[
                ("key", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("attempts", models.IntegerField()),
                ("last_at", models.DateTimeField(db_index=True)),
                ("free_at", models.DateTimeField()),
            ],
            options={"db_table": "login_attempts", "default_permissions": ()},
        ),
    ]
