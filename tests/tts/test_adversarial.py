"""Fine-tuning the sampler against a critic."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

from core.checkpoint import load_weights, save_weights
from core.errors import InputError
from core.training import WEIGHTS, TrainingConfig
from tests.tiny import SPEC, acoustic_config, acoustic_model, awaken, write_store
from text.symbols import SYMBOLS
from tts.adversarial import AdversarialConfig, AdversarialTask
from tts.critic import MelCritic
from tts.model import AcousticModel
from tts.training import (
    AcousticExperiment,
    BatchConfig,
    TrainingSteps,
    read_sentences,
    train_acoustic,
)

pytestmark = pytest.mark.filterwarnings("ignore")
GAME = AdversarialConfig(steps=(2,), critic_first=0, channels=4)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A store and weights to begin from."""
    directory = tmp_path_factory.mktemp("corpus")
    model = awaken(AcousticModel(acoustic_config(), SPEC, len(SYMBOLS)), deviation=0.1)
    save_weights(directory / "begin.safetensors", model.state_dict())
    return write_store(directory)


def experiment(corpus, game=GAME, **changes):
    settings = {"steps": 4, "warmup_steps": 1, "precision": "fp32", "validate_every_steps": 4}
    settings["warm_start"] = corpus / "begin.safetensors"
    return AcousticExperiment(
        name="tiny",
        mel=SPEC,
        acoustic=acoustic_config(),
        data=BatchConfig(features=corpus, batch_seconds=0.7),
        training=TrainingConfig(**{**settings, **changes}),
        adversarial=game,
    )


def batch_of(corpus):
    given = experiment(corpus)
    return TrainingSteps(read_sentences(given, "train"), given.data, 0)[0]


def gradients(parameters):
    return [None if p.grad is None else p.grad.clone() for p in parameters]


@pytest.mark.parametrize("frames", [(9, 5), (8, 3), (7, 1)])
def test_critic_judges_an_item_alike_alone_and_padded(frames):
    """Scores and features of real frames do not see what stands in the padding."""
    critic = awaken(MelCritic(4))
    draw = torch.Generator().manual_seed(1)
    mel, mean = torch.randn(2, 2, 6, frames[0], generator=draw)
    mask = (torch.arange(frames[0]) < torch.tensor(frames)[:, None])[:, None]
    score, real, features = critic(mel, mean, mask)
    own = slice(0, frames[1])
    alone, _, own_features = critic(mel[1:, :, own], mean[1:, :, own], mask[1:, :, own])
    width = alone.shape[-1]
    assert real[1].sum() == width
    for together, single in zip([score, *features], [alone, *own_features], strict=True):
        torch.testing.assert_close(together[1:, ..., : single.shape[-1]], single)


def test_each_player_is_moved_by_its_own_loss_alone(corpus):
    """One backward pass gives what two separate ones would."""
    model = acoustic_model()
    task = AdversarialTask(model, TrainingConfig(), GAME).train()
    awaken(task.critic, 3, 0.1).train()
    batch = batch_of(corpus)
    batch["ids"] = batch["ids"] % 12

    def play():
        torch.manual_seed(5)
        task.zero_grad()
        return task.losses(batch)

    play()["loss"].backward()
    decoder, critic = list(model.decoder.parameters()), list(task.critic.parameters())
    together = gradients(decoder), gradients(critic)
    losses = play()
    losses["critic"].backward()
    assert all(g is None for g in gradients(decoder))
    torch.testing.assert_close(gradients(critic), together[1])
    losses = play()
    sampler = losses["deceived"] + 2.0 * losses["detail"] + 3.0 * losses["coarse"]
    sampler.backward()
    assert all(g is None or not g.any() for g in gradients(critic))
    torch.testing.assert_close(gradients(decoder), together[0])


def test_the_recordings_themselves_deceive_the_critic_of_detail(corpus):
    """Where the sampler gives the recording, features and blurred mels do not differ."""
    model = acoustic_model()
    task = AdversarialTask(model, TrainingConfig(), GAME).train()
    batch = batch_of(corpus)
    batch["ids"] = batch["ids"] % 12
    sample = task.sample(batch, 2)
    task.sample = lambda *_: (sample[1], *sample[1:])
    losses = task.losses(batch)
    assert float(losses["detail"]) == 0
    assert float(losses["coarse"]) == 0


def test_training_moves_the_decoder_alone_and_only_after_the_critic(corpus, tmp_path):
    """In the critic's own steps nothing of the model moves, then the decoder's side does."""
    begin = AcousticModel(acoustic_config(), SPEC, len(SYMBOLS))
    load_weights(corpus / "begin.safetensors", begin)
    moved = {}
    for first in (4, 1):
        game = GAME.model_copy(update={"critic_first": first})
        train_acoustic(experiment(corpus, game), tmp_path / str(first), resume=False)
        made = AcousticModel(acoustic_config(), SPEC, len(SYMBOLS))
        load_weights(tmp_path / str(first) / WEIGHTS, made)
        pairs = zip(begin.state_dict().items(), made.state_dict().values(), strict=True)
        moved[first] = {name.split(".")[0] for (name, a), b in pairs if not torch.equal(a, b)}
    assert moved == {4: set(), 1: {"decoder", "features_out"}}


def test_resumed_fine_tune_ends_as_an_uninterrupted_one(corpus, tmp_path):
    """Bit for bit: the critic and its moments are part of the state."""
    constant = {"final_learning_rate": 1.0, "warmup_steps": 0}
    train_acoustic(experiment(corpus, **constant), tmp_path / "whole", resume=False)
    train_acoustic(experiment(corpus, steps=2, **constant), tmp_path / "parts", resume=False)
    train_acoustic(experiment(corpus, **constant), tmp_path / "parts", resume=True)
    whole, parts = (load_file(tmp_path / name / WEIGHTS) for name in ("whole", "parts"))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_fine_tuning_needs_a_trained_model(corpus):
    """The sentence names the key to set."""
    with pytest.raises(ValueError, match=r"training\.warm_start"):
        experiment(corpus, warm_start=None)


def test_fine_tuning_refuses_pairs(corpus):
    """Its truth is the recording."""
    with pytest.raises((ValueError, InputError), match="recordings"):
        AcousticExperiment(
            name="tiny",
            data=BatchConfig(pairs=corpus, join_probability=0.0),
            training=TrainingConfig(warm_start=corpus / "begin.safetensors"),
            adversarial=GAME,
        )
