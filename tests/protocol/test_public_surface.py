import headwater.protocol


def test_every_public_name_is_there_and_says_what_it_is() -> None:
    names = headwater.protocol.__all__

    assert names == sorted(names, key=lambda name: (not name[0].isupper(), name))
    for name in names:
        assert getattr(headwater.protocol, name).__doc__
