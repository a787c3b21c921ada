"""Names of people in a text, so that no reason rests on who wrote it.

Known are: names that a history gives to callers and agents, whole in any case and order, and each part alone that is
no other word; given names, and a common surname behind one; names in pinyin; a Chinese surname with a title or as
colleagues say it (小王, 王姐); and Chinese names that the dictionary of words has as such.

A name that is also a word (Mark, Bill, Black, Keys) or stands for a product is left out where it stands alone: what
says something of a fault is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

import rjieba

from diagnosis.text.stop_words import SMALL_WORDS
from diagnosis.text.tokens import HAN

_NAMES = """
aaron abdul abdullah abigail adam adrian agnes ahmad ahmed aisha alan albert alejandro alex alexander alexandra alexis
alfred alice alicia alison allison alyssa amanda amelia amir amit amy andrea andreas andrew andy angela angelica anil
anita anjali anke ann anna anne annette annie anthony anton antonio arjun arthur arun ashley ashok audrey barbara
beatrice ben benjamin bernard bernd beth betty beverly birgit bjoern bob bobby bradley brandon brenda brian bridget
bruce bryan caitlin carl carla carlos carmen carol caroline carolyn catherine cathy charles chen cheryl chloe chris
christian christina christine christopher cindy claire claudia colin connor courtney craig cynthia daniel daniela
danielle danny darren dave david deborah debra deepak denise dennis derek diana diane diego dieter dmitri dominic
donald donna doris dorothy douglas dylan eddie edith eduardo edward eileen elaine eleanor elena elizabeth ellen emily
emma eric erik erika erin ernest esther ethan eugene eva evelyn fatima felix fernando fiona florian francesca francesco
francis francisco frederick gabriel gabriele gareth gary geoff george gerald gerhard gina giovanni giuseppe gloria
gordon graham greg gregory gustavo hannah hans harald harold harry hassan heather heidi heike heinz helen helga helmut
henry hillary holger howard hugh ian ibrahim ingrid irene isaac isabel isabella ivan jacob jacqueline jake james jamie
jane janet janice jason javier jeff jeffrey jennifer jenny jeremy jerry jesse jessica jill jim jimmy joan
joanna joe joel johan johann johanna johannes john johnny jonas jonathan jorge jose josef joseph joshua juan judith
judy juergen julian julie jutta karen karin karl karthik katherine kathleen kathryn kathy katie katja katrin kavita
keith kelly kenneth kerstin kevin khalid kim kimberly klaus kristen kristin kumar kyle larry laura lauren laurie leah
leila leon leonard leslie lewis lily linda lindsay lisa liu lois lorraine louis louise lucas lucia lucy luis lukas
lydia manfred manuel manuela marcel marco marcus margaret maria marie marilyn mario marion marko markus marlene martha
martin martina mary matt matteo matthew matthias maureen megan melanie melissa mia michael michaela michel michele
michelle miguel mike mohamed mohammad mohammed monica monika muhammad murat mustafa nadia nadine nancy naomi natalia
natalie natasha nathan neha neil nicholas nick nicola nicolas nicole nigel nikhil nikolaus nina noah nora norbert
norman olga oliver olivia oscar pablo pamela patricia patrick paul paula pauline pedro peggy peter petra philip philipp
phillip phyllis pierre pooja pradeep prakash priya rachel rafael rahul rainer raj rajesh ralf ralph ramesh ravi raymond
rebecca renate ricardo richard rita robert roberto rodney roger roland ronald rosa rosemary ross roy russell ruth ryan
sabine sally samantha samuel sandeep sandra sanjay sara sarah sascha scott sean sebastian sergei sergio shane shannon
sharon shaun sheila shirley silke simon sofia sonia sophia sophie stefan stefanie stephanie stephen steve steven stuart
sunil suresh susan susanne suzanne svetlana sylvia tamara tanja tanya teresa terry theresa thomas tiffany tim timothy
tina todd tom tommy tony tracy trevor ulrich ursula ute uwe vanessa vera verena veronica vicky victor victoria vijay
vikram vincent vivian vladimir walter waltraud wang wayne wendy werner wilhelm william wolfgang xavier yang yolanda
yusuf yvonne zachary zhang zhao zhou zoe
"""
GIVEN_NAMES = frozenset(_NAMES.split())
_SURNAMES = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏苏潘葛范彭郎鲁韦马苗凤方俞任袁柳鲍史唐费廉岑薛雷贺倪汤殷罗毕郝邬"
    "安常傅卞齐康伍余顾孟黄穆萧尹姚邵汪祁毛戴谈宋庞熊纪舒屈项祝董梁杜阮蓝闵季贾江童颜郭梅林钟徐邱骆高夏蔡田樊胡凌霍万柯管卢莫房丁邓石崔吉龚程邢裴"
    "陆翁侯全班秋仲伊宫宁仇甘武符刘景詹叶白赖卓池乔闻党翟谭申冉尚温庄柴瞿阎连习艾容向古易廖耿文欧蔚曾沙丰关聂"
)
_COMPOUND = "欧阳|司马|上官|诸葛|司徒|南宫|夏侯|皇甫|尉迟|公孙|慕容|令狐|长孙|宇文|端木"
_TITLES = "先生|女士|小姐|经理|主任|老师|师傅|书记|主管|总监|同学"
_TITLED = re.compile(
    rf"(?:{_COMPOUND})(?:[一-鿿]{{0,2}}(?:{_TITLES})|工|总)?|[{_SURNAMES}](?:[一-鿿]{{0,2}}(?:{_TITLES})|工|总)"
)
# What begins like a surname and is a post or a trade.
_POST = re.compile(rf"施工|童工|高工|(?:项目|安全|班|高级|华[东南西北中]|常务|党委|党支部|全体)(?:{_TITLES})")
_CAPITALISED = re.compile(r"\b([A-Z][a-z]+) ([A-Z][a-z'’-]+)")
_COMMON_SURNAMES = """
adams allen alvarez anderson armstrong bailey baker barnes becker bennett bergmann brown bryant burns butler campbell
carter castillo chavez clark clarke coleman collins cooper cox cruz davies davis diaz edwards ellis evans fernandez
fischer fisher flores foster fuchs garcia gibson gomez gonzalez graham griffin gupta gutierrez hall hamilton harris
harrison hartmann hernandez herrmann hoffmann howard huber hughes jackson jenkins jimenez johnson jones kaiser kelly
kennedy khan kraus krause krueger lange lehmann lewis lopez maier marshall martinez mason mayer mcdonald mehta meyer
miller mitchell moore morales moreno morgan morris mueller murphy murray nelson nguyen ortiz owens parker patel
patterson perez perry peters peterson phillips powell ramirez ramos reynolds richardson rivera roberts robinson
rodriguez rogers romero ruiz russell sanchez sanders schmid schmidt schmitt schmitz schneider scholz schroeder
schubert schulz schulze schwarz sharma simmons simpson singh smith stewart sullivan taylor thompson torres vargas
vasquez wagner walker wallace walter washington watson weber werner west white williams wilson wright zimmermann
"""
# Behind a given name alone, in any case: some are words as well.
_LATIN_SURNAMES = frozenset(_COMMON_SURNAMES.split())
# A name in pinyin is a surname and one or two syllables, or the other way round. None is an English word, a word of the
# desk or a command ("he", "can", "hang", "ping", "su", "du").
_PINYIN = """
cai cao chen cheng deng dong feng gao guo huang jiang jin li liang liao lin liu luo meng peng qian qin shen tian wang
wei wu xiao xie xu xue yan yang yao yu yuan zeng zhang zhao zheng zhong zhou zhu zou
"""
_PINYIN_SURNAMES = frozenset(_PINYIN.split())
_SYLLABLES = """
ai bei bin bo chao chun dan fang fei fu gang guang gui guo hai hao hong hua hui ji jia jian jiao jie jin jing jun kai
kun lan lei li lian liang lin ling long lu mei min ming na nan ning peng ping qi qiang qin qing qiong rong rui shan
shu shuang shui tao ting wei wen xi xia xian xiang xiao xin xing xiong xiu xue ya yan yang yi ying yong yu yuan yue
yun ze zhen zheng zhi zhong zi
"""
_PINYIN_GIVEN = re.compile(f"(?:{'|'.join(_SYLLABLES.split())}){{1,2}}")
_ENGLISH = frozenset({"long", "ping"})
# Names of people that are words too: alone they are read as these.
_ORDINARY = """
abbey ace alt amber angel arch archer art ash baker bank banks bar base bass bay beach bean bear beck bell belt berg
berry best bill binder bird bishop black blank block bloom blue board bolt bond book booth boss bow bowl box branch
brand bridge bridges brook brooks brown buck bug bull burn burns bush butler byte cable call camp cannon card carol
carpenter carrier cart carter case cases cash castle center chair chamber chambers chance chase check chip christmas
church city clay clear click cliff clock close cloud club coach code coffee cole comfort cook cool copper copy core
corn cotton counts court craft crane cross crow crown crystal dale dash data date dawn day days deal dean deep default
desk dial diamond disk dock dot down downs drake draw drew drive driver drop duke dunn early earth east edge english
ernest error event ever excel exchange fair faith falls farmer fast fax field fields file fine fire first fish fisher
flash flood floor flow flowers fly focus font foot ford forest form fort foster fox frame france frank free freeman
french fresh friend frost full game garage gates gene general german gift glass gold good goodman grace grant graph
grass gray great green grey ground grove guard guest gun guy hall hammer hand hands hard harder hardy harvest head
heart heat heath help high hill hills hold holder home honey hood hook hope horn host hour house hub hunt hunter ice
image index ink ireland iron ivy jack jade jasmine jay jenkins jewel join jordan joy judge jump june just kaiser keen
keep key keys kind king kitchen klein knight kurz lab lake lamb lamp land lane lange large last law leaf lee lens
level light lily line link lock locke log logan london long loop lord lore love low luck mac mail main major man march
mark mars marsh mask mason master mate max may mercury mill miller mills mine mint mode monday money moon moss mount
mouse name nest neu new newman news night noble node noon norm north note office old olive open oracle order outlook
pace pack page paint pan panel paper paris park parker part pat patch path patience paul pay peace pearl penny pepper
perry phone pick pierce pike pilot pin pine pink pipe place plan plant play point pole pool port porter post pot
potter pound power powers price prince print printer prior profile proxy pure purple quick radio rain ram ranger rate
ray read reader ready red reed rest rice rich ring rise rivers road rob robin rock rod rolling room root rose round
router row royal rule rush rust ryder sack safe sage sales salt sand sands savage save scan school schwarz scott
screen script sea seal search server set shade share sharp shell shift ship shore short silver simple singer single
site size sky skype slack slow small smart snow solo son song south space spark spears speed spring square stack staff
star stark start state steam steel step stern stick still stock stone storage store storm story street strong sue
sugar summer summers sun sunday swift switch tab table tag tang tape task team temple test thorn tiger time token
tower town track trade train travel tray tree trip true trust turner twin user valentine valid van vault vendor victor
view voice wade walker wall walls ward ware warm warner watch water waters wave way web weeks weiss well wells west
white wild will win wind window windows winter wire wise wolf wood woods word words work worker works worth yard young
zip zone zoom
"""
_ORDINARY_WORDS = frozenset(_ORDINARY.split())
_SHORTEST_PART = 3  # letters of a part of a name that is known alone
_NICKNAME = re.compile(rf"[小老阿][{_SURNAMES}]|[{_SURNAMES}][姐哥叔姨嫂]")
_WORDS_LIKE_NICKNAMES = """
小钱 小许 老许 老何 小金 老金 小费 小康 小班 小房 小石 小苗 小熊 小池 小容 小温 小季 老翁 老赖 小白 老白 小史 阿莫 阿古
"""
_NO_NICKNAMES = frozenset(_WORDS_LIKE_NICKNAMES.split())
_HAN_RUN = re.compile(f"[{HAN}]+")
_HAN_NAME = re.compile(rf"(?:{_COMPOUND}|[{_SURNAMES}])[{HAN}]{{1,2}}")
# What a given name is made of, but for characters that end words of the desk and names of places.
_GIVEN_CHARACTERS = (
    "伟芳娜敏静丽强磊军勇艳杰娟涛超秀霞刚桂英玲婷辉鹏浩凯莉斌鑫琳萍燕兰芬健俊峰帅倩莹怡佳慧雯蕾颖瑶璐薇菲媛洁妍馨琪琴珊淑惠蓉茜晨晓昊轩睿翔宏志建国明华红梅雪飞亮旭海波龙宁毅诚永福生祥荣"
    "德贵春庆胜洪康恒嘉豪博梓涵欣雨梦玉兵林武义仁振继"
)
_DICTIONARY_NAME = re.compile(rf"(?:{_COMPOUND}|[{_SURNAMES}])[{_GIVEN_CHARACTERS}]{{1,2}}")
# The dictionary has these as names, and more often they are words, places and products.
_WORDS_LIKE_NAMES = """
安静 安康 文明 文静 文雅 文武 华东 关东 江东 沙龙 全国 万国 白云 白雪 高亮 高明 高峰 高强 常明 方志 康宁 康德
"""
_NO_NAMES = frozenset(_WORDS_LIKE_NAMES.split())
_HAN_START = re.compile(f"[{_SURNAMES}{_COMPOUND.replace('|', '')}]")
_WORD = re.compile(rf"[^\W\d_{HAN}]+")
_LONGEST_NAME = 4  # words
_HAN_LENGTH = 3  # of a surname and a given name of two characters, which is known alone
_DESKS = """
account admin administrator agent alert alerts api app automation batch bot center centre client customer desk
employee event external group guest help helpdesk hotline integration internal it job manager management monitor
monitoring network office operations operator ops portal root scheduler security self server service shared support
system team test tool user users vendor vip web
"""
_NO_PERSON = frozenset(_DESKS.split())  # who calls is a desk or a system: the words say something


class KnownPeople:
    """Names of the people of a history: known in a text whole, in any case and order, and by each part alone.

    A part that is a word too, or has less than three letters, is known beside another part alone.

    Parameters
    ----------
    names : iterable of str
        As fields such as ``caller`` hold them: ``John Smith``, ``Smith, John``, ``john.smith``, ``张伟``. What is one
        word in Latin letters, such as a login, is left out, and so is what names a desk or a system.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._latin: set[frozenset[str]] = set()
        self._han: set[str] = set()
        self._parts: set[str] = set()
        self._given_names: set[str] = set()
        self.add(names)

    def add(self, names: Iterable[str]) -> None:
        """Know more names."""
        for name in names:
            han_names = [run for run in _HAN_RUN.findall(name.replace(" ", "")) if _HAN_NAME.fullmatch(run)]
            self._han.update(han_names)
            self._given_names.update(run[1:] for run in han_names if len(run) == _HAN_LENGTH and not _is_word(run[1:]))
            words = [word for word in map(str.casefold, _WORD.findall(name)) if len(word) > 1]
            if 2 <= len(words) <= _LONGEST_NAME and not _NO_PERSON.intersection(words):
                self._latin |= {frozenset(words), frozenset((words[0], words[-1]))}
                self._parts.update(word for word in words if _is_no_other_word(word))

    def words_in(self, text: str) -> set[str]:
        """Return the words, in small letters, of the known names that stand in a text, whole or in part.

        Examples
        --------
        >>> sorted(KnownPeople(["Okafor, Ngozi", "张伟"]).words_in("ngozi okafor: printer, ask 张伟"))
        ['ngozi', 'okafor', '张伟']
        >>> sorted(KnownPeople(["Fatma Yilmaz", "Mark Black"]).words_in("regards, Fatma: the black screen of Mark"))
        ['fatma']
        """
        words_of_names: set[str] = set()
        if self._given_names:
            pairs = {text[start : start + 2] for start in range(len(text) - 1)}
            words_of_names |= self._given_names & pairs
        if self._latin:
            words = [word.casefold() for word in _WORD.findall(text)]
            words_of_names |= self._parts.intersection(words)
            for size in range(2, _LONGEST_NAME + 1):
                for start in range(len(words) - size + 1):
                    window = frozenset(words[start : start + size])
                    if window in self._latin:
                        words_of_names |= window
        if self._han:
            for start in _starts_of_names(text):
                for name in (text[start : start + length] for length in (4, 3, 2)):
                    if name in self._han:
                        words_of_names |= {name[i:j] for i in range(len(name)) for j in range(i + 2, len(name) + 1)}
        return words_of_names


NOBODY = KnownPeople()


def is_person_name(word: str) -> bool:
    """Whether a word is a common given name, a Chinese surname with a title or in a nickname, or a dictionary's name.

    Examples
    --------
    >>> [word for word in ("john", "mark", "孙先生", "小王", "项目经理", "陈建国", "华为") if is_person_name(word)]
    ['john', '孙先生', '小王', '陈建国']
    """
    if word.isascii():
        return word.casefold() in GIVEN_NAMES
    if _NICKNAME.fullmatch(word):
        return word not in _NO_NICKNAMES
    if _TITLED.fullmatch(word) is not None:
        return _POST.fullmatch(word) is None
    return word.casefold() in GIVEN_NAMES or _is_dictionary_name(word)


def is_unlisted_name(run: str) -> bool:
    """Whether Chinese characters that are no word read as a surname and a given name, or the dictionary says so.

    Examples
    --------
    >>> [run for run in ("张三", "李建国", "文件", "安装", "连接") if is_unlisted_name(run)]
    ['张三', '李建国']
    """
    if _HAN_NAME.fullmatch(run) is None or run in _NO_NAMES:
        return False
    tags: list[tuple[str, str]] = rjieba.tag(run, False)
    return all(len(word) == 1 or tag.startswith("nr") for word, tag in tags)


def surnames(text: str) -> list[str]:
    """Return the words behind given names that are capitalised or common surnames, and the words of names in pinyin.

    Examples
    --------
    >>> surnames("ask John Smith, or maria garcia, about the VPN of li wei")
    ['Smith', 'garcia', 'li', 'wei']
    """
    capitalised_words = {
        surname for given_name, surname in _CAPITALISED.findall(text) if given_name.casefold() in GIVEN_NAMES
    }
    words: list[str] = []
    for match, next_match in pairwise(_WORD.finditer(text)):
        if text[match.end() : next_match.start()].strip(" ,\u3000"):
            continue  # a full stop or a line lies between them
        first, second = match[0], next_match[0]
        if first.casefold() in GIVEN_NAMES and (second in capitalised_words or second.casefold() in _LATIN_SURNAMES):
            words.append(second)
        elif _is_pinyin_name(first.casefold(), second.casefold()):
            words += [first, second]
    return words


def _is_pinyin_name(first: str, second: str) -> bool:
    """Return whether two words side by side are a surname and a given name in pinyin, in either order."""
    return any(
        surname in _PINYIN_SURNAMES and given_name not in _ENGLISH and _PINYIN_GIVEN.fullmatch(given_name)
        for surname, given_name in ((first, second), (second, first))
    )


def _is_dictionary_name(word: str) -> bool:
    """Return whether the dictionary of Chinese words has a word as the name of a person, and it reads like one."""
    if word in _NO_NAMES or _DICTIONARY_NAME.fullmatch(word) is None:
        return False
    tags: list[tuple[str, str]] = rjieba.tag(word, False)
    return len(tags) == 1 and tags[0][1].startswith("nr")


def _is_word(run: str) -> bool:
    """Return whether the dictionary of Chinese words has two characters as a word that is no name."""
    tags: list[tuple[str, str]] = rjieba.tag(run, False)
    return len(tags) == 1 and not tags[0][1].startswith("nr")


def _is_no_other_word(word: str) -> bool:
    """Return whether a part of a name, in small letters, is read as nothing else where it stands alone."""
    is_other = word in _ORDINARY_WORDS or word in _NO_PERSON or word in SMALL_WORDS
    return len(word) >= _SHORTEST_PART and not is_other


def _starts_of_names(text: str) -> Iterator[int]:
    return (match.start() for match in _HAN_START.finditer(text))
