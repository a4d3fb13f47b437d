"""The hierarchical model of openings, sampled by NUTS in numpyro.

For opening p of group g, τ years after the event, with L = ln(potential / TYPICAL_SIZE)::

    share_p(τ) = level_p · (1 − (1 − start_p)·2^(−τ/half_life_p))
    ln level_p = x_p + u_g + β·L_p,   u_g ~ N(0, σ_g)
    x_p        ~ (1 − ω_g)·N(μ_warm, σ_warm) + ω_g·N(μ_cold, σ_cold),   marginalised
    logit ω_g  ~ N(logit ω, COLD_SPREAD)
    ln half_life_p ~ N(μ_h + v_g, σ_h),   v_g ~ N(0, σ_gh)
    logit start_p  ~ N(μ_s + w_g, σ_s),   w_g ~ N(0, σ_gs)
    ln share = ln share_p(τ) + e,   e_τ = ρ^k e_(τ−k) + s_p·√(1 − ρ^2k)·t₄
    ln s_p     ~ N(ln s + b·L_p, σ_s′)

t₄ is Student's t with four degrees of freedom: single years are off by far. A share at or below
FLOOR counts as P(share ≤ FLOOR). After such a year the next is expected from the year's most
likely error, the smallest that keeps it low: the exact chain has no closed form.
The sampler is Hoffman & Gelman 2014 (JMLR 15) as in Phan, Pradhan & Jankowiak 2019
(arXiv:1912.11554).
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from detente.errors import InputError
from detente.openings.observed import FLOOR, Array, Mask, Observed

#: Correlation of the errors of two years in a row: half of an error is gone after two years.
#: Fixed, because the data cannot tell an error that lasts from a level of the pair's own; what
#: lasts is to be the level, which is what the curve predicts.
RHO = 2.0**-0.5
#: Spread of the groups' log odds of cold: fixed, as a dozen causes say little about it.
COLD_SPREAD = 1.5

#: Population parameters: distribution, its numbers, and why.
PRIORS: dict[str, tuple[str, tuple[float, float], str]] = {
    "mu_warm": (
        "Normal",
        (float(np.log(0.6)), 0.6),
        "a warm link of typical size ends between a fifth and twice of what gravity says: "
        "potential is a mean, and the median of a skewed share lies below it",
    ),
    "gap": (
        "HalfNormal",
        (0.0, 1.5),
        "added to one: a cold link reaches at most e⁻¹ (37 %) of a warm one's level",
    ),
    "sigma_warm": ("HalfNormal", (0.0, 0.6), "warm links differ by a factor of about two"),
    "wider": ("HalfNormal", (0.0, 0.7), "added to sigma_warm: cold links differ more"),
    "logit_cold": ("Normal", (-1.1, 1.0), "a quarter stay cold, give or take: 4 to 70 %"),
    "sigma_group": (
        "HalfNormal",
        (0.0, 0.4),
        "links of one cause share a factor of up to about two",
    ),
    "group_half": ("HalfNormal", (0.0, 0.4), "and of their half-lives the same"),
    "group_start": ("HalfNormal", (0.0, 0.7), "and the odds of their starts"),
    "size_effect": ("Normal", (0.0, 0.3), "none expected; either sign"),
    "mu_half": (
        "Normal",
        (float(np.log(4.0)), 0.8),
        "half-life of 4 years, 1 to 19: eight years in the sanctions literature is about "
        "three half-lives of 2.7 (A8), trade in gravity takes longer",
    ),
    "sigma_half": ("HalfNormal", (0.0, 0.5), "most half-lives within a factor of three"),
    "mu_start": ("Normal", (-1.5, 1.0), "a fifth of the level at the start, 3 to 60 %"),
    "sigma_start": ("HalfNormal", (0.0, 1.0), "from almost nothing to almost all"),
    "noise": ("HalfNormal", (0.0, 0.4), "a year is off by tens of per cent"),
    "noise_size": ("Normal", (0.0, 0.2), "smaller links may be noisier"),
    "noise_spread": ("HalfNormal", (0.0, 0.5), "some links are noisier than others"),
}

#: What a cause has an effect on, shared by its openings, in the order of a curve's draws.
EFFECTS = ("level", "cold", "half", "start")


def modules() -> tuple[ModuleType, ModuleType]:
    """numpyro and jax.

    Raises
    ------
    InputError
        They are not installed.
    """
    try:
        return importlib.import_module("numpyro"), importlib.import_module("jax")
    except ImportError as error:
        raise InputError(
            f'fitting needs numpyro ({error}): pip install "detente[openings]".'
        ) from None


def log_density_t4(jnp: Any, z: Any) -> Any:
    """Log density of t₄ at z."""
    return np.log(0.375) - 2.5 * jnp.log1p(z * z / 4.0)


def log_below_t4(jnp: Any, z: Any) -> Any:
    """ln P(t₄ ≤ z) = ln ((1 + r)²(2 − r)/4), r = z/√(4 + z²), without cancellation."""
    r = z / jnp.sqrt(4.0 + z * z)
    one_plus = jnp.where(z < 0, 4.0 / (4.0 + z * z) / (1.0 - jnp.minimum(r, 0.0)), 1.0 + r)
    return 2.0 * jnp.log(one_plus) + jnp.log(2.0 - r) - np.log(4.0)


def data_of(observed: Observed) -> dict[str, Any]:
    """Arrays that the model takes; shapes (P, K), (P,), or (number of low years,)."""
    memory = np.where(observed.gap > 0, RHO ** np.maximum(observed.gap, 1), 0.0)
    fresh = np.sqrt(1.0 - memory**2)
    counts = observed.seen & ~observed.low
    pair, place = np.nonzero(observed.low)
    last = np.where(observed.seen, observed.tau, 0).max(axis=1)
    return {
        "log_share": observed.log_share,
        "counts": counts,
        "low": observed.low,
        "low_pair": pair,
        "low_place": place,
        "tau": observed.tau.astype(np.float64),
        "middle": 0.6 * last,
        "memory": memory,
        "over_fresh": 1.0 / fresh,
        "log_fresh": np.where(counts, np.log(fresh), 0.0).sum(axis=1),
        "n_counts": counts.sum(axis=1).astype(np.float64),
        "group": observed.group,
        "log_size": observed.log_size,
    }


def _model(data: dict[str, Any], weight: Any, n_groups: int) -> None:
    """The model above; pairs without weight do not count. ``weight`` is bool, shape (P,)."""
    numpyro, jax = modules()
    jnp, dist = jax.numpy, importlib.import_module("numpyro.distributions")
    q = {
        name: numpyro.sample(
            name, dist.HalfNormal(v[1]) if family == "HalfNormal" else dist.Normal(*v)
        )
        for name, (family, v, _) in PRIORS.items()
    }

    def normals(name: str, n: int, mean: Any = 0.0, spread: Any = 1.0) -> Any:
        return numpyro.sample(name, dist.Normal(mean, spread).expand([n]).to_event(1))

    P, group, size = weight.shape[0], data["group"], data["log_size"]
    of = {name: normals(f"z_{name}", n_groups)[group] for name in EFFECTS}
    mean_half = q["mu_half"] + q["group_half"] * of["half"]
    log_half = mean_half + q["sigma_half"] * normals("z_half_pair", P)
    mean_start = q["mu_start"] + q["group_start"] * of["start"]
    logit_start = normals("logit_start", P, mean_start, q["sigma_start"])
    # the share in the middle of what is seen is known far better than the level it leads to
    anywhere = dist.ImproperUniform(dist.constraints.real_vector, (), (P,))
    log_middle = numpyro.sample("log_middle", anywhere)
    middle = data["middle"][:, None]
    log_level = log_middle - _log_part(jax, middle, log_half, logit_start)[:, 0]
    warm, cold = _log_kinds(jax, dist, q, of, size, log_level)
    # a pair left out keeps a place of its own that nothing else depends on
    alone = dist.Normal(0.0, 1.0).log_prob(log_middle)
    numpyro.factor("levels", jnp.sum(jnp.where(weight, jnp.logaddexp(warm, cold), alone)))
    log_noise = jnp.log(q["noise"]) + q["noise_size"] * size
    log_scale = log_noise + q["noise_spread"] * normals("z_noise", P)
    curve = log_level[:, None] + _log_part(jax, data["tau"], log_half, logit_start)
    each = _log_likelihood(jnp, data, curve, log_scale)
    numpyro.factor("shares", jnp.sum(jnp.where(weight, each, 0.0)))
    numpyro.deterministic("log_level", log_level)
    numpyro.deterministic("log_half", log_half)
    numpyro.deterministic("is_cold", jax.nn.sigmoid(cold - warm))


def _log_part(jax: Any, tau: Any, log_half: Any, logit_start: Any) -> Any:
    """Ln of the part of the level that is there after τ years, shape (P, years)."""
    jnp = jax.numpy
    speed = jnp.log(2.0) * jnp.exp(-log_half)[:, None]
    missing = jax.nn.sigmoid(-logit_start)[:, None] * jnp.exp(-tau * speed)
    return jnp.log(1.0 + 1e-6 - missing)


def _log_kinds(
    jax: Any, dist: Any, q: dict[str, Any], of: dict[str, Any], size: Any, log_level: Any
) -> tuple[Any, Any]:
    """Log densities of each pair's level as a warm and as a cold one, shape (P,)."""
    odds = q["logit_cold"] + COLD_SPREAD * of["cold"]
    base = q["mu_warm"] + q["sigma_group"] * of["level"] + q["size_effect"] * size
    as_warm = dist.Normal(base, q["sigma_warm"])
    as_cold = dist.Normal(base - 1.0 - q["gap"], q["sigma_warm"] + q["wider"])
    return (
        jax.nn.log_sigmoid(-odds) + as_warm.log_prob(log_level),
        jax.nn.log_sigmoid(odds) + as_cold.log_prob(log_level),
    )


def _log_likelihood(jnp: Any, data: dict[str, Any], curve: Any, log_scale: Any) -> Any:
    """Log likelihood of each opening, every year given the year before; shape (P,)."""
    floor = float(np.log(FLOOR))
    error = data["log_share"] - curve
    # of a low year the error is known only to be below this
    error = jnp.where(data["low"], jnp.minimum(0.0, error), error)
    last = jnp.concatenate([jnp.zeros_like(error[:, :1]), error[:, :-1]], axis=1)
    over = jnp.exp(-log_scale)
    z = (error - data["memory"] * last) * data["over_fresh"] * over[:, None]
    found = jnp.sum(jnp.where(data["counts"], log_density_t4(jnp, z), 0.0), axis=1)
    found = found - data["n_counts"] * log_scale - data["log_fresh"]
    p, k = data["low_pair"], data["low_place"]
    below = floor - curve[p, k] - data["memory"][p, k] * last[p, k]
    return found.at[p].add(log_below_t4(jnp, below * data["over_fresh"][p, k] * over[p]))


@dataclass(frozen=True)
class Posterior:
    """n draws of everything.

    Attributes
    ----------
    draws : dict of ndarray
        Population parameters, shape (n,); ``z_level`` and so on (EFFECTS), shape (n, G);
        ``log_level``, ``log_half``, ``logit_start``, ``is_cold``, shape (n, P).
    diagnostics : dict
        ``rhat`` (largest of the population parameters; split, Gelman et al. 2013),
        ``rhat_all`` (of all), ``effective`` (least effective number of draws of the
        population parameters), ``divergences``, ``chains``, ``draws`` (kept, of all chains),
        ``warmup``, ``steps`` (mean leapfrog steps).
    """

    draws: dict[str, Array]
    diagnostics: dict[str, float | int] = field(default_factory=dict)


class Sampler:
    """The model on one set of histories, compiled once.

    Parameters
    ----------
    observed : Observed
    draws, warmup, chains : int
        Draws kept of each chain, steps before them, and chains (one after the other).
    seed : int

    Raises
    ------
    InputError
        numpyro is not installed; fewer than 50 draws or warm-up steps.
    """

    def __init__(
        self, observed: Observed, *, draws: int, warmup: int, chains: int, seed: int
    ) -> None:
        if min(draws, warmup) < 50 or chains < 1:
            raise InputError(
                f"{chains} chains of {warmup} + {draws} steps: a fit takes at least one chain "
                "with 50 steps to warm up and 50 draws."
            )
        self.observed, self.seed = observed, seed
        self._sizes = (draws, warmup, chains)
        self._numpyro, self._jax = modules()
        self._state: Any = None
        self._again: Any = None
        infer = importlib.import_module("numpyro.infer")
        n_groups = observed.n_groups

        def model(data: dict[str, Any], weight: Any) -> None:
            _model(data, weight, n_groups)

        self._kernel = infer.NUTS(
            model, target_accept_prob=0.9, dense_mass=[tuple(PRIORS)], max_tree_depth=9
        )

    def all_pairs(self) -> Posterior:
        """Draws with every opening in.

        Returns
        -------
        Posterior
        """
        draws, warmup, chains = self._sizes
        mcmc = importlib.import_module("numpyro.infer").MCMC(
            self._kernel,
            num_warmup=warmup,
            num_samples=draws,
            num_chains=chains,
            chain_method="sequential",
            progress_bar=False,
        )
        with self._jax.enable_x64(True):
            key = self._jax.random.PRNGKey(self.seed)
            every = np.ones(len(self.observed.pairs), dtype=bool)
            mcmc.run(key, *self._arguments(every), extra_fields=("diverging", "num_steps"))
            found = _plain(mcmc.get_samples(group_by_chain=True))
            state = mcmc.last_state
            if chains > 1:
                state = self._jax.tree_util.tree_map(lambda leaf: leaf[0], state)
            self._state = state
            return Posterior(_flat(found), self._diagnosed(found, mcmc.get_extra_fields()))

    def without(self, left_out: Mask, *, draws: int, burn: int, key: int) -> Posterior:
        """Draws with some openings left out, from where the fit to all of them ended.

        Parameters
        ----------
        left_out : ndarray of bool, shape (P,)
        draws, burn : int
            Draws kept, and dropped before them; the steps' sizes are those of all pairs.
        key : int
            Seed.
        """
        if self._state is None:
            self.all_pairs()
        with self._jax.enable_x64(True):
            if self._again is None:
                self._again = self._jax.jit(self._walk, static_argnums=3)
            start = self._state._replace(rng_key=self._jax.random.PRNGKey(key))
            found = _plain(self._again(start, *self._arguments(~left_out), draws + burn))
            return Posterior({name: v[burn:] for name, v in found.items()})

    def _arguments(self, weight: Mask) -> tuple[dict[str, Any], Any]:
        """The model's arguments, in jax's arrays."""
        jnp = self._jax.numpy
        data = {k: jnp.asarray(v) for k, v in data_of(self.observed).items()}
        return data, jnp.asarray(weight)

    def _walk(self, state: Any, data: dict[str, Any], weight: Any, steps: int) -> Any:
        """Steps from a state that was adapted to other weights."""
        jax, util = self._jax, importlib.import_module("numpyro.infer.util")

        def energy(z: Any) -> Any:
            return util.potential_energy(self._kernel.model, (data, weight), {}, z)

        # the state's energy and slope are those of the weights before
        now, slope = jax.value_and_grad(energy)(state.z)
        state = state._replace(potential_energy=now, z_grad=slope)

        def step(at: Any, _: Any) -> tuple[Any, Any]:
            after = self._kernel.sample(at, (data, weight), {})
            return after, after.z

        _, path = jax.lax.scan(step, state, None, length=steps)
        return jax.vmap(self._kernel.postprocess_fn((data, weight), {}))(path)

    def _diagnosed(self, found: dict[str, Array], extra: Any) -> dict[str, float | int]:
        """Whether to believe the draws."""
        checks = importlib.import_module("numpyro.diagnostics")
        population = [found[name] for name in PRIORS]
        skipped = ("is_cold", "log_half", "log_level")
        rest = [v for k, v in found.items() if k not in skipped]
        draws, warmup, chains = self._sizes
        return {
            "rhat": max(float(checks.split_gelman_rubin(v)) for v in population),
            "rhat_all": max(float(np.max(checks.split_gelman_rubin(v))) for v in rest),
            "effective": min(float(checks.effective_sample_size(v)) for v in population),
            "divergences": int(np.sum(np.asarray(extra["diverging"]))),
            "chains": chains,
            "draws": draws * chains,
            "warmup": warmup,
            "steps": float(np.mean(np.asarray(extra["num_steps"]))),
        }


def _plain(found: Any) -> dict[str, Array]:
    """jax's arrays as numpy's."""
    return {name: np.asarray(v, dtype=np.float64) for name, v in found.items()}


def _flat(found: dict[str, Array]) -> dict[str, Array]:
    """Chains one after the other."""
    return {k: v.reshape(-1, *v.shape[2:]) for k, v in found.items()}
