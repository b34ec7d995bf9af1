//! How the roles of a cluster are started: settings that suit tests, then those of a test's own.

use std::path::Path;
use std::process::Command;

use crate::cluster::Cluster;
use crate::program::{Process, command};

impl Cluster {
    /// Starts one more executor, with settings of its own.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn add_executor_with(&mut self, sets: &[&str]) -> anyhow::Result<()> {
        let (program, scheduler) = (command(self.dir.path())?, self.url());
        self.add_executor_from(program, &scheduler, sets)
    }

    /// Starts one more executor from a command that runs the program somewhere else, where the
    /// scheduler has another address.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn add_executor_from(
        &mut self,
        program: Command,
        scheduler: &str,
        sets: &[&str],
    ) -> anyhow::Result<()> {
        let work = format!("work=work-{}", self.started + 1);
        let usual = [
            "bind_host=127.0.0.1",
            "shuffle_port=0",
            "task_port=0",
            "feed_port=0",
            "vcores=1",
            "memory=1GiB",
            "heartbeat=1s",
            "warehouse=warehouse",
            &work,
        ];
        let process = self.role(program, "executor", scheduler, &[&usual[..], sets].concat())?;
        self.executors.push(process);
        Ok(())
    }

    /// Starts one more trainer, with settings of its own.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn add_trainer_with(&mut self, sets: &[&str]) -> anyhow::Result<()> {
        let (program, scheduler) = (command(self.dir.path())?, self.url());
        let sets = [&["threads=1"], sets].concat();
        let process = self.role(program, "trainer", &scheduler, &sets)?;
        self.trainers.push(process);
        Ok(())
    }

    fn role(
        &mut self,
        mut program: Command,
        role: &str,
        scheduler: &str,
        sets: &[&str],
    ) -> anyhow::Result<Process> {
        self.started += 1;
        program.args([role, "--scheduler", scheduler]);
        for set in sets {
            program.args(["--set", set]);
        }
        let name = format!("{role}-{}", self.started);
        Process::spawn(self.dir.path(), &name, &mut program)
    }

    /// Starts the scheduler again, on the same port and state, listening on this address.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn scheduler_again_on(&mut self, host: &str) -> anyhow::Result<()> {
        self.scheduler = start_scheduler(self.dir.path(), host, self.port)?;
        Ok(())
    }
}

pub(crate) fn start_scheduler(folder: &Path, host: &str, port: u16) -> anyhow::Result<Process> {
    let mut args = vec!["scheduler".to_owned()];
    for set in [
        &format!("listen={host}:{port}"),
        "state=state",
        "warehouse=warehouse",
        "executor_timeout=5s",
        "trainer_timeout=3s",
        "executor_wait=60s",
        "job_silence=30s",
    ] {
        args.extend(["--set".to_owned(), set.to_owned()]);
    }
    Process::start(folder, "scheduler", &args)
}
