//! Input and output against the schemas of the manifest.
//!
//! The schemas of an operation are compiled once for each version of its plugin, when it
//! is first called. Their words never repeat a value: it may be a secret.

use crate::model::{ChannelType, Class, Failure, FieldError, Name, Operation, compile_schema};
use jsonschema::Validator;
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Faults that are told at most: a list of thousands is wrong in each of its items.
const MOST: usize = 50;

/// The schemas that are compiled, by the version of the plugin that they are of.
#[derive(Default)]
pub(super) struct Schemas(Mutex<Vec<Version>>);

struct Version {
    /// Which version it is: each has its own, and this keeps it from being another's.
    channel_type: Arc<ChannelType>,
    operations: HashMap<Name, Arc<Schema>>,
}

/// The schemas of one operation.
pub(super) struct Schema {
    input: Validator,
    output: Validator,
}

impl Schemas {
    /// The schemas of an operation. Blocks for some milliseconds where they are compiled.
    ///
    /// # Errors
    /// One of them does not compile; the catalog refuses such a plugin.
    pub(super) fn of(
        &self,
        channel_type: &Arc<ChannelType>,
        operation: &Operation,
    ) -> Result<Arc<Schema>, Failure> {
        let of_version = |version: &&mut Version| Arc::ptr_eq(&version.channel_type, channel_type);
        if let Some(found) = self
            .versions()
            .iter_mut()
            .find(of_version)
            .and_then(|version| version.operations.get(&operation.id))
        {
            return Ok(Arc::clone(found));
        }
        let schema = Arc::new(Schema {
            input: compile(&operation.input, operation, "input")?,
            output: compile(&operation.output, operation, "output")?,
        });
        let mut versions = self.versions();
        // Those that nobody else holds are of plugins that are gone.
        versions.retain(|version| Arc::strong_count(&version.channel_type) > 1);
        let place = versions.iter().position(|version| Arc::ptr_eq(&version.channel_type, channel_type));
        let place = place.unwrap_or_else(|| {
            let (channel_type, operations) = (Arc::clone(channel_type), HashMap::new());
            versions.push(Version { channel_type, operations });
            versions.len() - 1
        });
        versions[place].operations.insert(operation.id.clone(), Arc::clone(&schema));
        Ok(schema)
    }

    fn versions(&self) -> MutexGuard<'_, Vec<Version>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn compile(schema: &Value, operation: &Operation, which: &str) -> Result<Validator, Failure> {
    compile_schema(schema).map_err(|error| {
        let words = error.masked_with("the value");
        let message = format!("the {which} schema of operation '{}' cannot be used: {words}", operation.id);
        Failure::new(Class::Internal, "operation.schema", message)
    })
}

impl Schema {
    /// What is wrong with an input. Blocks.
    pub(super) fn input_faults(&self, input: &Value) -> Vec<FieldError> {
        faults(&self.input, input)
    }

    /// What is wrong with an output. Blocks.
    pub(super) fn output_faults(&self, output: &Value) -> Vec<FieldError> {
        faults(&self.output, output)
    }
}

fn faults(schema: &Validator, document: &Value) -> Vec<FieldError> {
    let fault = |error: jsonschema::ValidationError<'_>| FieldError {
        field: error.instance_path().as_str().to_owned(),
        message: error.masked_with("the value").to_string(),
    };
    schema.iter_errors(document).take(MOST).map(fault).collect()
}

/// The refusal of an input that is not as its schema wants it.
pub(super) fn bad_input(operation: &str, faults: Vec<FieldError>) -> Failure {
    let message = format!("the input does not fit operation '{operation}'");
    Failure::new(Class::InvalidData, "call.input", message).with_fields(faults)
}

/// The end of a call whose answer is not as its schema promises.
pub(super) fn bad_output(operation: &str, faults: Vec<FieldError>) -> Failure {
    let message =
        format!("what the plugin answers does not fit the output schema of operation '{operation}'");
    Failure::new(Class::Internal, "answer.schema", message).with_fields(faults)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::tests::support::{operation, ready_to_call};
    use serde_json::json;

    fn schema() -> Value {
        json!({
            "type": "object", "required": ["to"], "additionalProperties": false,
            "properties": {"to": {"type": "string", "pattern": "^\\+[0-9]+$"}, "parts": {"items": {"maximum": 9}}},
        })
    }

    #[test]
    fn faults_are_told_by_pointer_and_without_the_value() {
        let operation = Operation { input: schema(), ..operation("send") };
        let ready = ready_to_call(vec![operation.clone()]);
        let found = Schemas::default().of(&ready.channel_type, &operation).expect("it compiles");
        let check = |input: Value, expected: &[&str]| {
            let told = found.input_faults(&input);
            let pointers: Vec<_> = told.iter().map(|fault| fault.field.as_str()).collect();
            assert_eq!(pointers, expected, "{input}: {told:?}");
            assert!(told.iter().all(|fault| !fault.message.contains("hunter2")), "{told:?}");
        };
        check(json!({"to": "+43"}), &[]);
        check(json!({}), &[""]);
        check(json!({"to": "hunter2"}), &["/to"]);
        check(json!({"to": "+43", "parts": [1, 99]}), &["/parts/1"]);
        check(json!({"to": 7, "parts": [10]}), &["/to", "/parts/0"]);
        assert_eq!(found.input_faults(&json!({"to": "+1", "parts": vec![10; 1_000]})).len(), MOST);
    }

    #[test]
    fn schemas_are_compiled_once_for_each_version_of_a_plugin() {
        let (schemas, operation) = (Schemas::default(), operation("send"));
        let one = ready_to_call(vec![operation.clone()]).channel_type;
        let of = |version: &Arc<ChannelType>| schemas.of(version, &operation).expect("it compiles");
        assert!(Arc::ptr_eq(&of(&one), &of(&one)));
        let before = of(&one);
        let other = Arc::new((*one).clone());
        assert!(!Arc::ptr_eq(&before, &of(&other)), "another version may have another schema");
        drop(one);
        let third = Arc::new((*other).clone());
        let _ = of(&third);
        assert_eq!(schemas.versions().len(), 2, "what nobody can call any more is let go of");
    }
}
