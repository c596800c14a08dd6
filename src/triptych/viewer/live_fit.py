"""A new scene that is fitted while the browsers look at it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from torch import OutOfMemoryError

from triptych.errors import InputError
from triptych.training.presets import STAGE2, stage2_preset
from triptych.training.watched_fit import WatchedFit
from triptych.viewer.known_pictures import KnownPictures, PicturedScene
from triptych.viewer.sources import WatchedScenes
from triptych.viewer.turns import Turns

_TURN_SECONDS = 0.1
"""Steps are taken for so long before a browser's frame may be drawn."""
_SHOWN_SECONDS = 0.25
"""The scene is shown as it stands after steps that took so long: drawing it cannot take most of the time."""


@dataclass(frozen=True)
class FitNews:
    """How far it is.

    Attributes:
        name: of the scene; empty before the first fit.
        line: the same in words.
        share: of the steps that are taken, 0 to 1.
        runs: whether it goes on.
        is_listed: whether the scene can be chosen among the others.
        can_be_kept: whether it can be stored as it stands.
    """

    name: str = ""
    line: str = ""
    share: float = 0.0
    runs: bool = False
    is_listed: bool = False
    can_be_kept: bool = False


class LiveFit:
    """Fits one scene at a time, for all browsers, in a thread of its own.

    Args:
        scenes: where the scene is shown beside the others; their model is fitted with.
        pictures: those that can be fitted.
        bank: where scenes are kept; None keeps none.
        turns: held while computing.
        seed: all random numbers follow from it and from the scene.

    Attributes:
        news: how far it is.
        on_news: called with every change of ``news``.
        bank: see above.
    """

    def __init__(
        self, scenes: WatchedScenes, pictures: KnownPictures, bank: Path | None, turns: Turns, seed: int = 0
    ) -> None:
        self._scenes, self._pictures, self._turns, self._seed = scenes, pictures, turns, seed
        self.bank = bank
        self.news = FitNews()
        self.on_news: Callable[[FitNews], None] = lambda news: None
        self._one_at_a_time = threading.RLock()
        self._ends = threading.Event()
        self._thread: threading.Thread | None = None
        self._fit: WatchedFit | None = None

    def start(self, name: str) -> None:
        """Begin with another scene; a fit that runs is stopped."""
        with self._one_at_a_time:
            self.stop()
            pictured = self._pictures.find(name)
            if pictured is None:
                return
            self._fit, self._ends = None, threading.Event()
            self._tell(FitNews(name, f"{name}: looking at its pictures", runs=True))
            self._thread = threading.Thread(target=self._run, args=(pictured,), name="triptych fit", daemon=True)
            self._thread.start()

    def stop(self, most_seconds: float | None = None) -> None:
        """End with the step that is being taken, the first of which may be compiled; the scene stays as it is then.

        Args:
            most_seconds: to wait for that; None waits until then.
        """
        with self._one_at_a_time:
            self._ends.set()
            if self._thread is not None and self._thread.is_alive():
                self._thread.join(most_seconds)

    def keep(self) -> None:
        """Store the scene in the bank, as `triptych fit` does."""
        with self._one_at_a_time:
            if self._fit is None or self.bank is None or not self.news.can_be_kept:
                return
            try:
                with self._turns:
                    found = self._fit.keep(self.bank)
            except (InputError, OSError, OutOfMemoryError) as error:
                self._tell(replace(self.news, line=str(error)))
                return
            quality = "" if found is None else f", {found:.1f} dB on its test views"
            self._tell(replace(self.news, line=f"{self._fit.name} is in {self.bank}{quality}", can_be_kept=False))

    def _run(self, pictured: PicturedScene) -> None:
        try:
            self._work(pictured)
        except (InputError, OSError, OutOfMemoryError) as error:
            self._tell(replace(self.news, line=str(error)))
        finally:
            self._tell(replace(self.news, runs=False))

    def _work(self, pictured: PicturedScene) -> None:
        model = self._scenes.loaded.model
        config = STAGE2[stage2_preset(model.origin.stage2, "the model")]
        with self._turns:
            fit = self._fit = WatchedFit(model, pictured.alone(), config, self._seed)
        self._show(fit)
        shown = 0.0
        while fit.done < fit.steps and not self._ends.is_set():
            with self._turns:
                fit.advance(_TURN_SECONDS)
            if fit.seconds - shown >= _SHOWN_SECONDS:
                self._show(fit)
                shown = fit.seconds
        self._show(fit, is_last=True)

    def _show(self, fit: WatchedFit, *, is_last: bool = False) -> None:
        with self._turns:
            self._scenes.show_unsaved(fit.scene())
        self._tell(
            FitNews(
                fit.name,
                "; ".join([f"{fit.name}: {fit.done} of {fit.steps} steps, {fit.seconds:.1f} s", *fit.notes]),
                fit.done / max(fit.steps, 1),
                runs=not is_last,
                is_listed=True,
                can_be_kept=is_last and self.bank is not None,
            )
        )

    def _tell(self, news: FitNews) -> None:
        self.news = news
        self.on_news(news)
