"""Frames of orbits and of comparisons."""

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import torch
from exact_ball import exact_ball

from triptych import InputError, Orbit, SceneBank, Scenes, StoredScene, open_scenes
from triptych.data import Dataset
from triptych.export import comparison_frames, counterpart, orbit_frames, true_path, write_video
from triptych.pictures import as_pixels

FRAMES = [np.full((48, 64, 3), 40 * number, dtype=np.uint8) for number in range(6)]


@pytest.fixture
def scenes(trained_balls: Path) -> Scenes:
    return open_scenes(trained_balls / "trained_scenes", trained_balls)


def test_columns_stand_side_by_side_under_their_labels(scenes: Scenes, balls: Dataset, tmp_path: Path) -> None:
    cameras, truth = true_path(balls, scenes.bank.scene("ball_1").fingerprint)
    scene = scenes["ball_1"]
    frames = list(comparison_frames(scene, cameras, other=scene, truth=truth))
    assert len(frames) == 6
    assert {frame.shape for frame in frames} == {(28 + 256, 4 * 256, 3)}
    header, pictures = frames[0][:28], frames[0][28:]
    assert all((column < 128).any() for column in np.split(header, 4, axis=1))
    ours, others, true, latents = np.split(pictures, 4, axis=1)
    assert np.array_equal(ours, others)
    shrunk = true.reshape(32, 8, 32, 8, 3).mean(axis=(1, 3))
    assert np.abs(shrunk - 255 * truth[0].permute(1, 2, 0).numpy()).mean() < 6
    # Latent pixels stay visible as squares.
    assert np.array_equal(latents[::16, ::16], latents[15::16, 15::16])
    write_video(tmp_path / "compare.mp4", iter(frames))
    assert (tmp_path / "compare.mp4").stat().st_size > 500


def test_the_true_path_follows_the_azimuth(balls: Dataset) -> None:
    cameras, pictures = true_path(balls, balls.fingerprints[0])
    azimuth = torch.atan2(cameras.c2w[:, 1, 3], cameras.c2w[:, 0, 3])
    assert (azimuth.diff() > 0).all()
    first = int((balls.cameras(0).c2w - cameras.c2w[:1]).abs().sum(dim=(1, 2)).argmin())
    assert np.array_equal(pictures[0].permute(1, 2, 0).mul(255).round().byte().numpy(), balls.images(0, [first])[0])
    with pytest.raises(InputError, match="not in the dataset"):
        true_path(balls, "another")


def test_rgb_tri_planes_of_other_proportions_take_those_of_the_cameras(scenes: Scenes) -> None:
    ball = exact_ball(center=(0.0, 0.0, 0.0))  # whose own pictures are 64x48
    cameras = scenes.model.along(Orbit(1))
    frame = next(comparison_frames(scenes["ball_0"], cameras, other=ball))
    _, other, _ = np.split(frame[28:], 3, axis=1)
    expected = ball.render(cameras).images
    size = (other.shape[0], other.shape[1])
    enlarged = torch.nn.functional.interpolate(expected, size=size, mode="bicubic", align_corners=False)
    assert np.array_equal(other, as_pixels(enlarged)[0])


def test_films_of_any_size(scenes: Scenes) -> None:
    frame = next(orbit_frames([scenes["ball_0"], scenes["ball_1"]], Orbit(2), (24, 40)))
    assert frame.shape == (24, 80, 3)


def test_another_bank_must_hold_the_same_scene(scenes: Scenes, tmp_path: Path) -> None:
    assert counterpart(scenes, "ball_1", scenes).name == "ball_1"
    ball = exact_ball()
    bank = SceneBank.create(tmp_path / "bank", ball.model)
    bank.add("ball_1", StoredScene(ball.micro, ball.coefficients, "other pictures", {}))
    with pytest.raises(InputError, match="other pictures"):
        counterpart(scenes, "ball_1", Scenes(bank, ball.model))
    with pytest.raises(InputError, match="no scene 'ball_2'"):
        counterpart(scenes, "ball_2", Scenes(bank, ball.model))


def test_a_grid_of_pictures_that_are_not_square() -> None:
    ball = exact_ball(center=(0.0, 0.0, 0.0))
    (frame,) = orbit_frames([ball, ball], Orbit(1, elevation_degrees=0.0))
    assert frame.shape == (48, 128, 3)
    rows, columns = np.nonzero((frame[:, :64] < 250).any(axis=-1))
    # A ball in the middle of an oblong picture is still a round one.
    assert abs(np.ptp(rows) - np.ptp(columns)) <= 1
    assert (rows.min() + rows.max(), columns.min() + columns.max()) == (47, 63)


def test_a_video_has_all_its_frames(tmp_path: Path) -> None:
    write_video(tmp_path / "-a: video.mp4", iter(FRAMES))
    assert [file.name for file in tmp_path.iterdir()] == ["-a: video.mp4"]
    assert imageio_ffmpeg.count_frames_and_secs(tmp_path / "-a: video.mp4")[0] == len(FRAMES)
    write_video(tmp_path / "odd.mp4", iter([np.zeros((33, 35, 3), dtype=np.uint8)]))
    described = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(tmp_path / "odd.mp4")]
    assert " 36x34" in subprocess.run(described, capture_output=True, text=True, check=False).stderr


@pytest.mark.parametrize(
    ("encoder", "expected"),
    [
        ("cat > /dev/null; echo one >&2; echo No space left on device >&2; exit 228", "code 228: No space left on dev"),
        ("exit 1", "failed with code 1;"),
        ("cat > /dev/null; kill -9 $$", "ended by signal 9"),
    ],
)
def test_a_video_whose_encoder_failed_is_not_written(
    encoder: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ffmpeg = tmp_path / "ffmpeg"
    ffmpeg.write_text(f'#!/bin/sh\nfor last; do :; done\necho begun > "${{last#file:}}"\n{encoder}\n')
    ffmpeg.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(ffmpeg))
    out = tmp_path / "out" / "film.mp4"
    out.parent.mkdir()
    out.write_text("an earlier one")
    with pytest.raises(InputError, match=expected) as refused:
        write_video(out, iter(FRAMES * 100))
    assert "\n" not in str(refused.value)
    assert [file.read_text() for file in out.parent.iterdir()] == ["an earlier one"]


def test_a_missing_encoder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "nothing"))
    with pytest.raises(InputError, match="nothing cannot be started"):
        write_video(tmp_path / "film.mp4", iter(FRAMES))
    assert not list(tmp_path.iterdir())
