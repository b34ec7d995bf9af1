//! Values by key, made once however many ask, kept while there is room.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

/// The cache. What it keeps takes `limit` bytes at most; a value in use may outlive its place here.
#[derive(Debug)]
pub struct Cache<K, V> {
    limit: usize,
    state: Mutex<State<K, V>>,
}

#[derive(Debug)]
struct State<K, V> {
    slots: HashMap<K, Slot<V>>,
    /// By last use, oldest first.
    uses: BTreeMap<u64, K>,
    clock: u64,
    bytes: usize,
    made: u64,
}

#[derive(Debug)]
struct Slot<V> {
    cell: Arc<OnceCell<Arc<V>>>,
    used: u64,
    bytes: usize,
}

impl<K: Clone + Eq + Hash, V> Cache<K, V> {
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            state: Mutex::new(State {
                slots: HashMap::new(),
                uses: BTreeMap::new(),
                clock: 0,
                bytes: 0,
                made: 0,
            }),
        }
    }

    /// The value of a key; `make` gives it with its bytes where it is not there.
    pub async fn get<E>(
        &self,
        key: &K,
        make: impl Future<Output = Result<(V, usize), E>>,
    ) -> Result<Arc<V>, E> {
        let cell = self.cell(key);
        let made = cell
            .get_or_try_init(|| async {
                let (value, bytes) = make.await?;
                self.weigh(key, bytes);
                Ok(Arc::new(value))
            })
            .await;
        match made {
            Ok(value) => Ok(Arc::clone(value)),
            Err(error) => {
                self.forget(key);
                Err(error)
            }
        }
    }

    /// Values made so far.
    pub fn made(&self) -> u64 {
        self.state().made
    }

    /// Bytes kept now.
    pub fn bytes(&self) -> usize {
        self.state().bytes
    }

    /// The slot of a key, which is now the one used last.
    fn cell(&self, key: &K) -> Arc<OnceCell<Arc<V>>> {
        let mut state = self.state();
        let State {
            slots, uses, clock, ..
        } = &mut *state;
        *clock += 1;
        let slot = slots.entry(key.clone()).or_insert_with(|| Slot {
            cell: Arc::default(),
            used: 0,
            bytes: 0,
        });
        uses.remove(&slot.used);
        slot.used = *clock;
        uses.insert(*clock, key.clone());
        Arc::clone(&slot.cell)
    }

    /// Counts a value in, and lets those go that were not used for the longest time.
    fn weigh(&self, key: &K, bytes: usize) {
        let mut state = self.state();
        state.made += 1;
        if let Some(slot) = state.slots.get_mut(key) {
            slot.bytes = bytes;
            state.bytes += bytes;
        }
        while state.bytes > self.limit {
            let Some((_, oldest)) = state.uses.pop_first() else {
                return;
            };
            if let Some(slot) = state.slots.remove(&oldest) {
                state.bytes -= slot.bytes;
            }
        }
    }

    /// Removes the slot of a value that could not be made.
    fn forget(&self, key: &K) {
        let mut state = self.state();
        let empty = state.slots.get(key).filter(|s| !s.cell.initialized());
        if let Some(used) = empty.map(|s| s.used) {
            state.slots.remove(key);
            state.uses.remove(&used);
        }
    }

    /// No function panics while it holds the lock, so a poisoned one is as good as another.
    fn state(&self) -> MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(cache: &Cache<u32, u32>, key: u32, bytes: usize) -> u32 {
        let made = cache.get::<()>(&key, async { Ok((key * 10, bytes)) });
        *made.await.unwrap()
    }

    #[tokio::test]
    async fn the_longest_unused_goes_first() {
        let cache = Cache::new(100);
        for key in [1, 2, 3] {
            assert_eq!(get(&cache, key, 40).await, key * 10);
        }
        assert_eq!((cache.made(), cache.bytes()), (3, 80));
        get(&cache, 2, 40).await;
        get(&cache, 4, 40).await;
        assert_eq!(cache.made(), 4, "2 was still there");
        get(&cache, 2, 40).await;
        assert_eq!(cache.made(), 4, "3 went, not 2");
        get(&cache, 9, 500).await;
        assert_eq!(cache.bytes(), 0, "one too large is not kept");
    }

    #[tokio::test]
    async fn many_ask_and_one_makes() {
        let cache = Cache::new(100);
        let asked = (0..20).map(|_| get(&cache, 7, 1));
        let got = futures::future::join_all(asked).await;
        assert!(got.iter().all(|v| *v == 70));
        assert_eq!(cache.made(), 1);
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let cache: Cache<u32, u32> = Cache::new(100);
        let failed = cache.get(&1, async { Err("no") }).await;
        assert_eq!(failed.unwrap_err(), "no");
        assert_eq!(get(&cache, 1, 1).await, 10);
    }
}
