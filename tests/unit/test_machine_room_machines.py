from hubfleet_sandbox.machine_room.machines import node_labels


def test_a_node_joins_with_the_labels_of_its_template() -> None:
    arguments = {"node-labels": "capi.stackhpc.com/node-group=user,size=large"}
    joins = {"joinConfiguration": {"nodeRegistration": {"kubeletExtraArgs": arguments}}}
    template = {"spec": {"template": {"spec": joins}}}
    assert node_labels(template) == {"capi.stackhpc.com/node-group": "user", "size": "large"}


def test_a_template_without_labels_gives_none() -> None:
    assert node_labels({"spec": {"template": {"spec": {}}}}) == {}
    assert node_labels(None) == {}
