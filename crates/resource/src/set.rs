//! An ordered set of objects that finds them by id without looking at each.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::id::{IdKey, ResId};
use crate::object::Resource;

/// Objects in the order they came, at most one for each current id.
#[derive(Clone, Debug, Default)]
pub struct ResourceSet {
    list: Vec<Resource>,
    /// Made when first needed.
    index: Option<Index>,
}

/// Where the objects of an id are. The ids themselves are looked up in the objects.
#[derive(Clone, Debug, Default)]
struct Index {
    hasher: DefaultHashBuilder,
    current: HashTable<Place>,
    /// By every id the objects ever had.
    any: HashTable<Place>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    hash: u64,
    position: u32,
}

impl Index {
    fn place(&self, key: IdKey<'_>, position: u32) -> Place {
        let hash = self.hasher.hash_one(key);
        Place { hash, position }
    }

    fn add(&mut self, position: u32, resource: &Resource) {
        let place = self.place(resource.key(), position);
        insert(&mut self.current, place);
        insert(&mut self.any, place);
        for key in resource.previous_keys() {
            let place = self.place(key, position);
            insert(&mut self.any, place);
        }
    }

    fn remove(&mut self, position: u32, resource: &Resource) {
        let place = self.place(resource.key(), position);
        remove(&mut self.current, place);
        remove(&mut self.any, place);
        for key in resource.previous_keys() {
            let place = self.place(key, position);
            remove(&mut self.any, place);
        }
    }
}

fn insert(table: &mut HashTable<Place>, place: Place) {
    table
        .entry(place.hash, |other| *other == place, |other| other.hash)
        .or_insert(place);
}

fn remove(table: &mut HashTable<Place>, place: Place) {
    if let Ok(found) = table.find_entry(place.hash, |other| *other == place) {
        found.remove();
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

    /// The index, and the objects it tells about.
    fn index(&mut self) -> (&mut Index, &[Resource]) {
        let list = &self.list;
        let index = self.index.get_or_insert_with(|| {
            let mut index = Index::default();
            for (position, resource) in list.iter().enumerate() {
                index.add(position as u32, resource);
            }
            index
        });
        (index, list)
    }

    /// Gives back the memory of the index.
    pub fn forget_index(&mut self) {
        self.index = None;
    }

    /// Adds an object at the end, unless its id is taken.
    pub fn push(&mut self, resource: Resource) -> Result<(), IdTaken> {
        let (index, list) = self.index();
        if let Some(position) = with_key(index, list, resource.key()).min() {
            return Err(IdTaken {
                id: resource.id(),
                position: position as usize,
                refused: Box::new(resource),
            });
        }
        index.add(list.len() as u32, &resource);
        self.list.push(resource);
        Ok(())
    }

    /// Adds all objects at the end.
    pub fn push_all(&mut self, resources: impl IntoIterator<Item = Resource>) -> Result<(), IdTaken> {
        resources.into_iter().try_for_each(|resource| self.push(resource))
    }

    /// Positions of the objects that have this id now, in order.
    pub fn with_id(&mut self, id: &ResId) -> Vec<u32> {
        let (index, list) = self.index();
        sorted(with_key(index, list, id.key()))
    }

    /// Positions of the objects that have the id that the one at a position has now, in order.
    pub fn with_id_of(&mut self, position: usize) -> Vec<u32> {
        let (index, list) = self.index();
        let key = list.get(position).map(Resource::key);
        sorted(key.into_iter().flat_map(|key| with_key(index, list, key)))
    }

    /// Positions of the objects that have or had this id, in order.
    pub fn with_any_id(&mut self, id: &ResId) -> Vec<u32> {
        let (index, list) = self.index();
        let key = id.key();
        let hash = index.hasher.hash_one(key);
        sorted(places(&index.any, hash).filter(|&at| {
            let resource = &list[at as usize];
            resource.key() == key || resource.previous_keys().any(|previous| previous == key)
        }))
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

/// Positions of the objects that have an id now.
fn with_key(index: &Index, list: &[Resource], key: IdKey<'_>) -> impl Iterator<Item = u32> {
    let hash = index.hasher.hash_one(key);
    places(&index.current, hash).filter(move |&at| list[at as usize].key() == key)
}

/// The positions under a hash. The table itself compares a few bits of it, so an object with several ids
/// could come more than once.
fn places(table: &HashTable<Place>, hash: u64) -> impl Iterator<Item = u32> {
    table
        .iter_hash(hash)
        .filter(move |place| place.hash == hash)
        .map(|place| place.position)
}

fn sorted(positions: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut positions: Vec<u32> = positions.collect();
    positions.sort_unstable();
    positions
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use yaml::{Layer, Mark};

    use super::*;
    use crate::Schema;

    /// Each index has its own secret hashes: the sets are many, so that hashes that are alike in the bits
    /// that a table compares are met.
    #[test]
    fn an_object_with_many_ids_is_found_once() {
        let layer = Arc::new(Layer::new("k".into(), "s".into(), Mark::NONE));
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n".to_owned();
        let source = yaml::Sources::new().add("a.yaml", text);
        let node = yaml::read_documents(&source).unwrap().nodes.remove(0);
        let mut resource = Resource::new(node, layer.clone(), &Schema::builtin());
        for name in 0..20 {
            resource.remember_id();
            resource.set_metadata_text("name", format!("a{name}").into(), &layer);
        }
        for _ in 0..300 {
            let mut set = ResourceSet::from_vec(vec![resource.clone()]);
            let ids: Vec<ResId> = resource.previous_ids().chain([resource.id()]).collect();
            for id in ids {
                assert_eq!(set.with_any_id(&id), [0], "{}", id.full_name());
            }
        }
    }
}
