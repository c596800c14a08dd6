"""Category models on the Hugging Face hub, with the methods that its users know."""

from pathlib import Path
from typing import Any

from torch import nn

from triptych.errors import InputError
from triptych.files.hub import HubAddress, hub_client, hub_errors
from triptych.model.category_model import CategoryModel
from triptych.model.places import MODEL_FILES

try:
    from huggingface_hub import ModelHubMixin
except ImportError:
    raise InputError('HubModel needs huggingface_hub: pip install "triptych[hub]"') from None


class HubModel(ModelHubMixin, library_name="triptych", tags=["triptych", "tri-planes"], pipeline_tag="image-to-3d"):
    """A category model with ``from_pretrained``, ``save_pretrained`` and ``push_to_hub`` of `huggingface_hub`.

    What is written is the model's folder as everywhere else, with a model card: JSON and safetensors, nothing pickled.

    Attributes:
        model: the category model.
    """

    def __init__(self, model: CategoryModel) -> None:
        self.model = model

    def _save_pretrained(self, save_directory: Path) -> None:
        self.model.save(save_directory)

    @classmethod
    def _from_pretrained(
        cls,
        *,
        model_id: str,
        revision: str | None,
        cache_dir: str | Path | None,
        force_download: bool,
        local_files_only: bool,
        token: str | bool | None,
        autoencoder: nn.Module | None = None,
        **others: Any,
    ) -> "HubModel":
        """The model of a folder, or of a repository: from the cache of the hub's client, checked as any other."""
        if Path(model_id).is_dir():
            return cls(CategoryModel.load(model_id, autoencoder))
        with hub_errors(HubAddress(model_id, revision=revision)):
            folder = hub_client().snapshot_download(
                model_id,
                revision=revision,
                cache_dir=cache_dir,
                force_download=force_download,
                local_files_only=local_files_only,
                token=token,
                allow_patterns=list(MODEL_FILES),
            )
        return cls(CategoryModel.load(folder, autoencoder))
