//! The one session factory: the scheduler plans with it, every executor runs with it.
//!
//! Settings that are not optional are set here, each with its reason. A session on one side that
//! lacks a function or setting of the other fails in ways that only a real cluster shows.

use std::path::Path;
use std::sync::Arc;

use ballista_core::extension::SessionConfigExt;
use ballista_core::registry::BallistaFunctionRegistry;
use datafusion::error::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionConfig;

use crate::codec::EngineCodec;
use crate::functions;
use crate::registry::Registry;
use crate::warehouse::Warehouse;

/// Partitions of a shuffle. Not the number of parts of a table, which the spec fixes.
pub const TARGET_PARTITIONS: usize = 8;

/// The configuration of every session, on either side.
#[must_use]
pub fn config() -> SessionConfig {
    SessionConfig::new_with_ballista()
        .with_target_partitions(TARGET_PARTITIONS)
        // Its tables know of this process only: an executor cannot read them.
        .with_information_schema(false)
        .with_ballista_physical_extension_codec(Arc::new(EngineCodec::default()))
        // The adaptive planner hangs when an executor dies after its map stage.
        .set_bool("ballista.planner.adaptive.enabled", false)
        // A partition polled alone would read its siblings' files: duplicate rows.
        .set_bool(
            "datafusion.execution.enable_file_stream_work_stealing",
            false,
        )
        // Three of the four places with a message limit; the fourth is the servers' own.
        .set_u64(
            "ballista.client.grpc_max_message_size",
            pannier_proto::MAX_MESSAGE_BYTES as u64,
        )
        // A task of several partitions keeps their processors until the last of them is done.
        .set_u64("ballista.scheduler.max_partitions_per_task", 1)
        // A table's scan has a partition for each of its parts, and other code counts on it.
        .with_repartition_file_scans(false)
        .set_bool("datafusion.sql_parser.enable_ident_normalization", true)
}

/// The configuration of a session that makes a narrow table: joins send their small side to all,
/// and no row leaves its piece.
#[must_use]
pub fn narrow() -> SessionConfig {
    config()
        .with_round_robin_repartition(false)
        .with_repartition_joins(false)
        .set_bool("datafusion.optimizer.prefer_hash_join", true)
        // What is looked up by a number up to this far from the smallest is found by counting, not
        // by hashing: an eighth of the time, for four bytes per number and task.
        .set_u64(
            "datafusion.execution.perfect_hash_join_small_build_threshold",
            1 << 25,
        )
}

/// A runtime environment whose spill files lie below `work`.
///
/// # Errors
/// Where the folder cannot be used.
pub fn runtime(work: Option<&Path>) -> Result<Arc<RuntimeEnv>> {
    let mut builder =
        RuntimeEnvBuilder::new().with_object_store_registry(Arc::new(Registry::default()));
    if let Some(work) = work {
        builder = builder.with_temp_file_path(work.join("spill"));
    }
    builder.build_arc()
}

/// A session state with every function, nested ones and ours included. Functions that look
/// things up do so in `warehouse`.
///
/// # Errors
/// Where the runtime cannot be built or a function cannot be registered.
pub fn state(config: SessionConfig, warehouse: &Warehouse) -> Result<SessionState> {
    let mut state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime(None)?)
        .with_default_features()
        .build();
    for function in functions::scalar(warehouse) {
        state.register_udf(function)?;
    }
    for function in functions::aggregate() {
        state.register_udaf(function)?;
    }
    Ok(state)
}

/// The functions an executor finds by name. Ballista's own registry lacks the nested ones.
///
/// # Errors
/// As [`state`].
pub fn function_registry(warehouse: &Warehouse) -> Result<Arc<BallistaFunctionRegistry>> {
    let state = state(config(), warehouse)?;
    Ok(Arc::new(BallistaFunctionRegistry::from(&state)))
}
