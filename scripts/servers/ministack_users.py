"""Makes MiniStack users whose signatures are checked and whose policies differ."""

import json

import boto3


def make_users(bucket: str, **connection) -> dict[str, dict[str, str]]:
    """Makes one user per policy; `connection` holds the arguments of a boto3 client with the root key."""
    iam = boto3.client("iam", **connection)
    objects, listing = f"arn:aws:s3:::{bucket}/*", f"arn:aws:s3:::{bucket}"
    policies = {
        "full": [{"Action": "s3:*", "Resource": "*"}],
        "noList": [{"Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], "Resource": objects}],
        "readOnly": [{"Action": "s3:GetObject", "Resource": objects}, {"Action": "s3:ListBucket", "Resource": listing}],
        "prefixOnly": [
            {"Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"{listing}/prefix/*"},
            {
                "Action": "s3:ListBucket",
                "Resource": listing,
                "Condition": {"StringLike": {"s3:prefix": "prefix/*"}},
            },
        ],
        "none": [],
    }
    users = {}
    for name, statements in policies.items():
        iam.create_user(UserName=name)
        if statements:
            document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **s} for s in statements]}
            iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=json.dumps(document))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        users[name] = {"accessKey": key["AccessKeyId"], "secretKey": key["SecretAccessKey"]}
    return users
