from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_user_shown_layers'),
    ]

    operations = [
        migrations.RenameModel(old_name='SignInAttempts', new_name='WrongPasswords'),
        migrations.RenameField(model_name='wrongpasswords', old_name='last_at', new_name='window_start'),
    ]
