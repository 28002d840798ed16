//! An ordered set of objects that finds them by id without looking at each.

use hashbrown::HashMap;

use crate::id::ResId;
use crate::object::Resource;

/// Objects in the order they came, at most one for each current id.
#[derive(Clone, Debug, Default)]
pub struct ResourceSet {
    list: Vec<Resource>,
    /// Positions by current id, and by every id the objects ever had; made when first needed.
    index: Option<Index>,
}

#[derive(Clone, Debug, Default)]
struct Index {
    current: HashMap<Key, Vec<u32>>,
    any: HashMap<Key, Vec<u32>>,
}

type Key = (yaml::Text, yaml::Text, yaml::Text, yaml::Text, yaml::Text);

fn key(id: &ResId) -> Key {
    let gvk = &id.gvk;
    let namespace = id.effective_namespace().into();
    (
        id.name.clone(),
        gvk.kind.clone(),
        gvk.group.clone(),
        gvk.version.clone(),
        namespace,
    )
}

impl Index {
    fn add(&mut self, position: u32, resource: &Resource) {
        let current = key(&resource.id());
        for previous in resource.previous_ids() {
            let previous = key(&previous);
            if previous != current {
                let positions = self.any.entry(previous).or_default();
                if positions.last() != Some(&position) {
                    insert_sorted(positions, position);
                }
            }
        }
        insert_sorted(self.any.entry(current.clone()).or_default(), position);
        insert_sorted(self.current.entry(current).or_default(), position);
    }

    fn remove(&mut self, position: u32, resource: &Resource) {
        let current = key(&resource.id());
        for previous in resource.previous_ids() {
            remove_position(&mut self.any, &key(&previous), position);
        }
        remove_position(&mut self.any, &current, position);
        remove_position(&mut self.current, &current, position);
    }
}

fn insert_sorted(positions: &mut Vec<u32>, position: u32) {
    if let Err(at) = positions.binary_search(&position) {
        positions.insert(at, position);
    }
}

fn remove_position(map: &mut HashMap<Key, Vec<u32>>, key: &Key, position: u32) {
    if let Some(positions) = map.get_mut(key) {
        positions.retain(|&other| other != position);
        if positions.is_empty() {
            map.remove(key);
        }
    }
}

/// An object with this id is already in the set.
#[derive(Clone, Debug, thiserror::Error)]
#[error("may not add resource with an already registered id: {id}")]
pub struct IdTaken {
    pub id: ResId,
    /// Position of the object that has the id.
    pub position: usize,
    /// The object that could not be added.
    pub refused: Box<Resource>,
}

impl ResourceSet {
    pub fn new() -> ResourceSet {
        ResourceSet::default()
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Resource> {
        self.list.iter()
    }

    /// All objects, to be changed. The index is made anew when it is needed next.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Resource> {
        self.index = None;
        self.list.iter_mut()
    }

    pub fn get(&self, position: usize) -> Option<&Resource> {
        self.list.get(position)
    }

    pub fn into_vec(self) -> Vec<Resource> {
        self.list
    }

    /// A set of objects whose ids are known to differ.
    pub fn from_vec(list: Vec<Resource>) -> ResourceSet {
        ResourceSet { list, index: None }
    }

    fn index(&mut self) -> &mut Index {
        self.index.get_or_insert_with(|| {
            let mut index = Index::default();
            for (position, resource) in self.list.iter().enumerate() {
                index.add(position as u32, resource);
            }
            index
        })
    }

    /// Gives back the memory of the index.
    pub fn forget_index(&mut self) {
        self.index = None;
    }

    /// Adds an object at the end, unless its id is taken.
    pub fn push(&mut self, resource: Resource) -> Result<(), IdTaken> {
        let id = resource.id();
        if let Some(&position) = self.with_id(&id).first() {
            return Err(IdTaken {
                id,
                position: position as usize,
                refused: Box::new(resource),
            });
        }
        let position = self.list.len() as u32;
        self.index().add(position, &resource);
        self.list.push(resource);
        Ok(())
    }

    /// Adds all objects at the end.
    pub fn push_all(&mut self, resources: impl IntoIterator<Item = Resource>) -> Result<(), IdTaken> {
        resources.into_iter().try_for_each(|resource| self.push(resource))
    }

    /// Positions of the objects that have this id now, in order.
    pub fn with_id(&mut self, id: &ResId) -> &[u32] {
        self.index().current.get(&key(id)).map_or(&[], Vec::as_slice)
    }

    /// Positions of the objects that have or had this id, in order.
    pub fn with_any_id(&mut self, id: &ResId) -> &[u32] {
        self.index().any.get(&key(id)).map_or(&[], Vec::as_slice)
    }

    /// Changes one object and keeps the index true.
    pub fn update<T>(&mut self, position: usize, change: impl FnOnce(&mut Resource) -> T) -> T {
        let resource = &mut self.list[position];
        match &mut self.index {
            None => change(resource),
            Some(index) => {
                index.remove(position as u32, resource);
                let result = change(resource);
                index.add(position as u32, resource);
                result
            }
        }
    }

    /// Keeps only the objects that `keep` accepts.
    pub fn retain(&mut self, keep: impl FnMut(&Resource) -> bool) {
        let before = self.list.len();
        self.list.retain(keep);
        if self.list.len() != before {
            self.index = None;
        }
    }
}
