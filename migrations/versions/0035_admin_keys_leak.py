"""admin keys leak"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("leak_find") as batch:
        batch.alter_column("key_id", existing_type=sa.Uuid(), nullable=True)
        batch.add_column(sa.Column("admin_key_id", sa.Uuid(), nullable=True))
        batch.create_foreign_key("fk_leak_find_admin_key_id_admin_key", "admin_key", ["admin_key_id"], ["id"])
        batch.create_unique_constraint("uq_leak_find_admin_key_id_place", ["admin_key_id", "place"])
        batch.create_check_constraint(op.f("ck_leak_find_of_one_key"), "(key_id IS NULL) <> (admin_key_id IS NULL)")


def downgrade() -> None:
    op.execute("DELETE FROM leak_find WHERE key_id IS NULL")
    with op.batch_alter_table("leak_find") as batch:
        batch.drop_constraint(op.f("ck_leak_find_of_one_key"), type_="check")
        batch.drop_constraint("uq_leak_find_admin_key_id_place", type_="unique")
        batch.drop_constraint("fk_leak_find_admin_key_id_admin_key", type_="foreignkey")
        batch.drop_column("admin_key_id")
        batch.alter_column("key_id", existing_type=sa.Uuid(), nullable=False)
