import Basics

/// One record of the files in which a step hands outputs and state to the runner.
///
/// It is always the form with a delimiter: a plain `name=value` would end at the first line break of the value, and what
/// comes behind it would be a record of its own.
struct FileRecord: Sendable {
    let name: String
    let value: String
    /// 128 random bits, so that no value can hold it: who can write the line that ends the value can set any output.
    var delimiter = "holdfast-\(random())-\(random())"

    var text: String { "\(name)<<\(delimiter)\n\(value)\n\(delimiter)\n" }

    private static func random() -> String { Hexadecimal.text(UInt64.random(in: .min ... .max)) }
}
