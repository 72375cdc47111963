"""Keeping the vocabulary in order."""

import strawberry

from db import models
from db.text import fold
from gql.mutation import Keyed, mutation
from gql.payloads import Outcome, Payload, deleted, payload, written
from gql.policy import Permission
from gql.types import Tag
from gql.validation import TagName
from gql.write import Lock, Write


@strawberry.input(description="A tag's new name.")
class RenameTagInput(Keyed):
    id: strawberry.ID = strawberry.field(description="Which tag.")
    name: TagName = strawberry.field(
        description="How people are to read it. Its name in addresses stays, so that links do."
    )


@strawberry.input(description="Which tag to delete.")
class DeleteTagInput(Keyed):
    id: strawberry.ID = strawberry.field(description="Which tag.")


@payload(models.Tag)
class RenameTagPayload(Payload):
    tag: Tag | None = written(models.Tag, "The tag as it is now.")


@payload(models.Tag)
class DeleteTagPayload(Payload):
    deleted_tag_id: strawberry.ID | None = deleted(models.Tag)


@mutation(RenameTagPayload, Permission.EDITOR)
async def rename_tag(write: Write, given: RenameTagInput) -> Outcome:
    """Spell a tag otherwise, on all its posts; editors only."""
    tag = await write.find(models.Tag, given.id, "id")
    tag.name, tag.name_key = given.name, fold(given.name)
    return Outcome(tag.id)


@mutation(DeleteTagPayload, Permission.EDITOR)
async def delete_tag(write: Write, given: DeleteTagInput) -> Outcome:
    """Take a tag off all posts, for good; editors only."""
    tag = await write.find(models.Tag, given.id, "id", lock=Lock.DELETE)
    await write.session.delete(tag)
    return Outcome(deleted=tag.id)
