import FileIO

/// Paths that someone may have meant who wrote another one: those with the same name elsewhere, then those that differ
/// in a few letters.
func nearPaths(to wanted: [UInt8], in paths: [RelativePath], limit: Int = 3) -> [RelativePath] {
    let name = wanted.split(separator: UInt8(ascii: "/")).last ?? []
    var found = paths.filter { $0.name.elementsEqual(name) }
    let allowed = max(2, wanted.count / 8)
    let close = paths.map { ($0, distance(wanted, $0.bytes, upTo: allowed)) }.filter { $0.1 <= allowed }
    found += close.sorted { $0.1 < $1.1 }.map(\.0).filter { !found.contains($0) }
    return Array(found.prefix(limit))
}

/// Those of some short names that differ in the fewest letters from another one, if it is one or two.
func nearNames(to wanted: String, in names: [String]) -> [String] {
    let allowed = wanted.utf8.count < 3 ? 1 : 2
    let distances = names.map { distance(Array(wanted.lowercased().utf8), Array($0.utf8), upTo: allowed) }
    guard let least = distances.min(), least <= allowed else { return [] }
    return zip(names, distances).filter { $0.1 == least }.map(\.0)
}

/// How many bytes have to be added, removed or replaced to get from one name to another (Levenshtein).
/// - Returns: something above the limit if there are more.
private func distance(_ a: [UInt8], _ b: [UInt8], upTo limit: Int) -> Int {
    guard abs(a.count - b.count) <= limit else { return limit + 1 }
    var previous = Array(0...b.count)
    for (row, byte) in a.enumerated() {
        var current = [row + 1]
        for (column, other) in b.enumerated() {
            current.append(
                min(previous[column] + (byte == other ? 0 : 1), previous[column + 1] + 1, current[column] + 1))
        }
        guard current.contains(where: { $0 <= limit }) else { return limit + 1 }
        previous = current
    }
    return previous[b.count]
}
