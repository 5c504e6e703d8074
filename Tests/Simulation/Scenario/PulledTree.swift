/// The files of a machine after a pull: what changed in the store only is taken, what changed here stays.
/// - Parameter base: what both sides had in common; what it lacks was not removed on the other side.
package func pulledTree(_ here: Tree, _ store: Tree, base: Tree) -> Tree {
    var result = store
    for (path, file) in here where store[path]?.content != file.content {
        let isUntouched = base[path]?.content == file.content
        if !isUntouched { result[path] = file }
    }
    return result
}

extension Tree {
    /// Those files that are the same in another tree.
    package func common(with other: Tree) -> Tree { filter { other[$0.key]?.content == $0.value.content } }
}
