/// A line of the log that the runner obeys: `::name key=value::message`.
struct WorkflowCommand: Sendable {
    let name: String
    /// Those with an empty value are left out: the runner takes an empty one for a mistake.
    var properties: [(key: String, value: String)] = []
    var message = ""

    var line: String {
        let given = properties.filter { !$0.value.isEmpty }.map {
            "\($0.key)=\(Self.escaped($0.value, isProperty: true))"
        }
        let list = given.isEmpty ? "" : " " + given.joined(separator: ",")
        return "::\(name)\(list)::\(Self.escaped(message, isProperty: false))"
    }

    /// Percent escapes of what would end the message or the property. By scalars: a carriage return and a line feed
    /// together are one character.
    private static func escaped(_ text: String, isProperty: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "%": result += "%25"
            case "\r": result += "%0D"
            case "\n": result += "%0A"
            case ":" where isProperty: result += "%3A"
            case "," where isProperty: result += "%2C"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
