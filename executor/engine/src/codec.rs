//! How our operators travel: a mark and their JSON. Everything else is Ballista's codec.

use std::sync::Arc;

use ballista_core::serde::BallistaPhysicalExtensionCodec;
use datafusion::common::exec_datafusion_err;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};

use crate::exec::{EngineExec, EngineOp};

/// No protobuf message of Ballista's begins like this (field number 0 is not allowed).
const MARK: &[u8] = b"\0pannier1";

/// The codec of scheduler and executors.
#[derive(Debug, Default)]
pub struct EngineCodec {
    ballista: BallistaPhysicalExtensionCodec,
}

impl PhysicalExtensionCodec for EngineCodec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        ctx: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(json) = buf.strip_prefix(MARK) else {
            return self.ballista.try_decode(buf, inputs, ctx, converter);
        };
        let op: EngineOp = serde_json::from_slice(json)
            .map_err(|e| exec_datafusion_err!("an operator of the engine cannot be read: {e}"))?;
        Ok(Arc::new(EngineExec::over(op, inputs.to_vec())?))
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let Some(exec) = node.downcast_ref::<EngineExec>() else {
            return self.ballista.try_encode(node, buf, converter);
        };
        buf.extend_from_slice(MARK);
        serde_json::to_writer(buf, exec.op())
            .map_err(|e| exec_datafusion_err!("an operator of the engine cannot be written: {e}"))
    }
}
