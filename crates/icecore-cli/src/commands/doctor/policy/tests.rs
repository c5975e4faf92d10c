use super::*;

fn actions(role: Role) -> Vec<String> {
    let policy = of_role(role, "bucket", "some/prefix");
    let statements = policy["Statement"].as_array().unwrap().clone();
    let named = statements.into_iter().flat_map(|statement| match &statement["Action"] {
        Value::String(action) => vec![action.clone()],
        actions => {
            actions.as_array().unwrap().iter().map(|action| action.as_str().unwrap().to_owned()).collect()
        }
    });
    named.collect()
}

#[test]
fn each_role_can_do_what_it_has_to_and_no_more() {
    assert_eq!(actions(Role::Restorer), ["s3:ListBucket", "s3:GetObject", "kms:Decrypt"]);
    assert!(!actions(Role::Writer).iter().any(|action| action.contains("Delete")));
    assert!(actions(Role::Writer).contains(&"s3:PutObject".to_owned()));
    assert!(actions(Role::Writer).contains(&"kms:GenerateDataKey".to_owned()));
    assert!(actions(Role::Maintainer).contains(&"s3:DeleteObject".to_owned()));
}

#[test]
fn resources_are_those_of_the_prefix() {
    let policy = of_role(Role::Restorer, "bucket", "some/prefix");
    assert_eq!(policy["Statement"][1]["Resource"], "arn:aws:s3:::bucket/some/prefix/*");
    assert_eq!(policy["Statement"][0]["Condition"]["StringLike"]["s3:prefix"], "some/prefix/*");
    let point = "arn:aws:s3:eu-west-1:111122223333:accesspoint/backup";
    let policy = of_role(Role::Restorer, point, "some/prefix");
    assert_eq!(policy["Statement"][0]["Resource"], point);
    assert_eq!(policy["Statement"][1]["Resource"], format!("{point}/object/some/prefix/*"));
    let whole = of_role(Role::Restorer, "bucket", "");
    assert_eq!(whole["Statement"][1]["Resource"], "arn:aws:s3:::bucket/*");
}
